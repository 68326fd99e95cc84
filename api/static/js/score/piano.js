// A synthesised piano over Web Audio: one made tone every third key, tuned to the keys between; hammer speed sets
// loudness and brightness, and a damper ends the note.

import { RATE } from "./strings.js";

const EVERY = 3; // semitones between made tones
const LOUDNESS_SPAN_DB = 24; // from velocity 20 to 120, about what grands do
const ROOM_S = 1.3;

const nearestMade = (pitch) => Math.min(108, Math.max(21, 21 + EVERY * Math.round((pitch - 21) / EVERY)));

export class Piano {
  constructor() {
    this.tones = new Map();
    this.waiting = new Map();
    this.voices = new Set();
    this.made = null;
  }

  // Made when it is first needed, which is when somebody presses play: browsers let no page sound before that.
  get context() {
    if (this.made) return this.made;
    this.made = new AudioContext({ latencyHint: "interactive" });
    this.out = new GainNode(this.made);
    const limiter = new DynamicsCompressorNode(this.made, { threshold: -10, ratio: 6 });
    this.out.connect(limiter).connect(this.made.destination);
    this.#addRoom(limiter);
    return this.made;
  }

  // The second that is heard now, on the context's own axis.
  get heard() {
    return this.context.currentTime - (this.context.outputLatency || 0);
  }

  // Resolves when all these keys have their tone, made in this order.
  load(pitches) {
    if (!this.worker) {
      this.worker = new Worker(new URL("./strings-worker.js", import.meta.url), { type: "module" });
      this.worker.addEventListener("message", ({ data }) => this.#keep(data));
    }
    const wanted = new Set(pitches.map(nearestMade));
    return Promise.all([...wanted].map((pitch) => this.#tone(pitch)));
  }

  #tone(pitch) {
    if (this.tones.has(pitch)) return this.tones.get(pitch);
    if (!this.waiting.has(pitch)) {
      const made = new Promise((resolve) => this.waiting.set(pitch, { resolve }));
      this.waiting.get(pitch).made = made;
      this.worker.postMessage(pitch);
    }
    return this.waiting.get(pitch).made;
  }

  #keep({ pitch, channels }) {
    const buffer = new AudioBuffer({ numberOfChannels: 2, length: channels[0].length, sampleRate: RATE });
    channels.forEach((channel, side) => buffer.copyToChannel(channel, side));
    this.tones.set(pitch, buffer);
    this.waiting.get(pitch).resolve(buffer);
    this.waiting.delete(pitch);
  }

  // Sounds a key from `when` to `until`, seconds of the context.
  strike(pitch, velocity, when, until) {
    const root = nearestMade(pitch);
    const buffer = this.tones.get(root);
    if (!buffer) return;
    const context = this.context;
    const source = new AudioBufferSourceNode(context, { buffer, detune: 100 * (pitch - root) });
    const hardness = velocity / 127;
    const hz = 440 * 2 ** ((pitch - 69) / 12);
    const cutoff = Math.min(14000, 500 + hz * (1.5 + 3 * hardness) + 9500 * hardness ** 2.2);
    const felt = new BiquadFilterNode(context, { type: "lowpass", frequency: cutoff, Q: -3 });
    const level = 10 ** (((velocity - 100) * LOUDNESS_SPAN_DB) / 100 / 20);
    const damper = new GainNode(context, { gain: level });
    source.connect(felt).connect(damper).connect(this.out);
    source.start(when);
    const release = 0.16 * 2 ** (-Math.max(0, pitch - 21) / 39); // damper time constants: 160 ms lowest, 80 at middle C
    damper.gain.setTargetAtTime(0, Math.max(until, when + 0.03), release / 2.3);
    source.stop(Math.max(until, when + 0.03) + 4 * release);
    const voice = { source, damper, when };
    this.voices.add(voice);
    source.onended = () => {
      this.voices.delete(voice);
      damper.disconnect();
    };
  }

  // Sounds a key at once, for as long as somebody tries it.
  async touch(pitch) {
    await Promise.all([this.context.resume(), this.load([pitch])]);
    const now = this.context.currentTime + 0.01;
    this.strike(pitch, 80, now, now + 0.6);
  }

  silence() {
    const now = this.context.currentTime;
    for (const { source, damper, when } of this.voices) {
      if (when > now) source.stop(0);
      else {
        damper.gain.cancelScheduledValues(now);
        damper.gain.setTargetAtTime(0, now, 0.025);
        source.stop(now + 0.15);
      }
    }
  }

  // Early reflections and a short tail, so that the tone does not stand in a vacuum.
  #addRoom(destination) {
    const { sampleRate } = this.context;
    const length = Math.round(ROOM_S * sampleRate);
    const response = new AudioBuffer({ numberOfChannels: 2, length, sampleRate });
    for (let side = 0; side < 2; side += 1) {
      const channel = response.getChannelData(side);
      let smooth = 0;
      for (let place = 0; place < length; place += 1) {
        const fall = Math.exp((-6.9 * place) / length);
        smooth += (0.25 + 0.5 * fall) * (Math.random() * 2 - 1 - smooth); // walls take the treble first
        channel[place] = place < 0.008 * sampleRate ? 0 : smooth * fall;
      }
    }
    const room = new ConvolverNode(this.context, { buffer: response });
    const share = new GainNode(this.context, { gain: 0.16 });
    this.out.connect(room).connect(share).connect(destination);
  }

  destroy() {
    this.worker?.terminate();
    this.made?.close();
  }
}
