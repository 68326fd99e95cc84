// The microphone: permission, level and recording. What it hears is not improved: echo and noise filters, made for
// speech, eat the ends of piano tones, and automatic gain the dynamics.

const SOUND = { echoCancellation: false, noiseSuppression: false, autoGainControl: false, channelCount: 1 };
const BITS_PER_S = 192_000; // Opus at this rate is beyond what the note model can tell from the original
const CHUNK_MS = 1000; // a recorder that ends badly keeps all but the last second
// Best first. A browser writes WebM without a length and an index, in which players cannot seek at once.
const KINDS = [
  ["audio/mp4;codecs=opus", "mp4"],
  ["audio/mp4;codecs=mp4a.40.2", "m4a"],
  ["audio/mp4", "m4a"],
  ["audio/webm;codecs=opus", "webm"],
  ["audio/ogg;codecs=opus", "ogg"],
];
const WINDOW = 2048; // samples of which the level is taken: 43 ms at 48 kHz

export class MicrophoneError extends Error {
  constructor(key) {
    super(key);
    this.key = key; // of the words that explain it
  }
}

const REASONS = {
  NotAllowedError: "record.denied",
  SecurityError: "record.denied",
  NotFoundError: "record.missing",
  OverconstrainedError: "record.missing",
  NotReadableError: "record.busy",
  AbortError: "record.busy",
};

export class Microphone {
  // Asks for permission. Raises MicrophoneError, whose key explains what can be done.
  static async open() {
    if (!window.isSecureContext) throw new MicrophoneError("record.insecure");
    const kind = window.MediaRecorder && KINDS.find(([type]) => MediaRecorder.isTypeSupported(type));
    if (!kind || !navigator.mediaDevices) throw new MicrophoneError("record.unsupported");
    try {
      return new Microphone(await navigator.mediaDevices.getUserMedia({ audio: SOUND }), kind);
    } catch (error) {
      throw new MicrophoneError(REASONS[error.name] ?? "record.busy");
    }
  }

  constructor(stream, [type, suffix]) {
    this.stream = stream;
    this.type = type;
    this.suffix = suffix;
    this.sound = new AudioContext();
    this.analyser = new AnalyserNode(this.sound, { fftSize: WINDOW });
    this.sound.createMediaStreamSource(stream).connect(this.analyser);
    this.samples = new Float32Array(WINDOW);
    this.recorder = null;
  }

  onLost(listener) {
    this.stream.getAudioTracks()[0].addEventListener("ended", listener);
  }

  // {peak, rms} of the last 43 ms, 1 being full scale.
  level() {
    this.analyser.getFloatTimeDomainData(this.samples);
    let peak = 0;
    let sum = 0;
    for (const sample of this.samples) {
      peak = Math.max(peak, Math.abs(sample));
      sum += sample * sample;
    }
    return { peak, rms: Math.sqrt(sum / WINDOW) };
  }

  // A short tone to count by, higher on the first beat.
  click(isFirst) {
    const at = this.sound.currentTime;
    const tone = new OscillatorNode(this.sound, { frequency: isFirst ? 1760 : 1320 });
    const gain = new GainNode(this.sound, { gain: 0 });
    gain.gain.setValueAtTime(0.25, at);
    gain.gain.exponentialRampToValueAtTime(0.001, at + 0.06);
    tone.connect(gain).connect(this.sound.destination);
    tone.start(at);
    tone.stop(at + 0.07);
  }

  record() {
    this.chunks = [];
    this.recorder = new MediaRecorder(this.stream, { mimeType: this.type, audioBitsPerSecond: BITS_PER_S });
    this.recorder.addEventListener("dataavailable", (event) => this.chunks.push(event.data));
    this.recorder.start(CHUNK_MS);
  }

  get isRecording() {
    return this.recorder?.state === "recording";
  }

  // The recording as a file of this name.
  async finish(name) {
    if (this.isRecording) {
      const stopped = new Promise((resolve) => this.recorder.addEventListener("stop", resolve, { once: true }));
      this.recorder.stop();
      await stopped;
    }
    return new File(this.chunks, `${name}.${this.suffix}`, { type: this.type.split(";")[0] });
  }

  close() {
    if (this.isRecording) this.recorder.stop();
    for (const track of this.stream.getTracks()) track.stop();
    this.sound.close();
  }
}
