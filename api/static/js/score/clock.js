// The one clock of the stage, in seconds of the recording. Whatever sounds (the recording or the synthesised piano) is
// a voice that can say its time; everything that is drawn or struck asks this clock and nothing else.
//
// Events: "state" (playing, rate, voice or loop changed), "jump" (the time was set), "frame" (draw the present moment).

export const SLOWEST = 0.25;
export const FASTEST = 1.5;
const AROUND_S = 0.05; // seconds that a place may be off and still be it
const HIDDEN_TICK_MS = 200; // a hidden page has no frames, yet a loop has to turn back

export class Clock extends EventTarget {
  constructor(voices, voice, duration) {
    super();
    this.voices = voices; // {recording?, piano}: each has time, seek, setRate, play, pause, destroy
    this.voice = voice;
    this.duration = duration;
    this.rate = 1;
    this.playing = false;
    this.loop = null; // {first, last, start, end}
    this.until = null; // where a passage that is played once ends
    this.frame = 0;
    this.tick = setInterval(() => document.hidden && this.playing && this.#turn(), HIDDEN_TICK_MS);
  }

  get time() {
    return Math.min(this.voices[this.voice].time, this.duration);
  }

  async play() {
    if (this.playing) return;
    const at = this.time;
    if (this.until === null && this.loop && (at < this.loop.start - AROUND_S || at >= this.loop.end)) this.seek(this.loop.start);
    else if (at >= this.duration - AROUND_S) this.seek(0);
    this.playing = true;
    const voice = this.voices[this.voice];
    voice.setRate(this.rate);
    this.#changed("state");
    this.#draw();
    try {
      await voice.play();
    } catch (error) {
      this.pause();
      throw error;
    }
  }

  pause() {
    this.until = null;
    if (!this.playing) return;
    this.playing = false;
    this.voices[this.voice].pause();
    this.#changed("state");
    this.#changed("frame");
  }

  toggle() {
    return this.playing ? this.pause() : this.play();
  }

  seek(at) {
    this.until = null;
    this.voices[this.voice].seek(Math.min(Math.max(at, 0), this.duration));
    this.#changed("jump");
    if (!this.playing) this.#changed("frame");
  }

  // Plays a passage and rests; the loop waits meanwhile.
  async playOnce(start, end) {
    this.seek(start);
    this.until = end;
    await this.play();
  }

  setRate(rate) {
    this.rate = Math.min(Math.max(rate, SLOWEST), FASTEST);
    this.voices[this.voice].setRate(this.rate);
    this.#changed("state");
  }

  async setVoice(name) {
    if (name === this.voice) return;
    const [at, playing, until] = [this.time, this.playing, this.until];
    this.pause();
    this.voice = name;
    this.seek(at);
    this.until = until;
    this.#changed("state");
    if (playing) await this.play();
  }

  setLoop(span) {
    this.loop = span;
    this.#changed("state");
    if (!this.playing) this.#changed("frame");
  }

  ended() {
    if (!this.playing) return;
    if (this.loop) this.#restart();
    else this.pause();
  }

  destroy() {
    clearInterval(this.tick);
    cancelAnimationFrame(this.frame);
    this.playing = false;
    for (const voice of Object.values(this.voices)) voice.destroy();
  }

  #draw() {
    cancelAnimationFrame(this.frame);
    const step = () => {
      if (!this.playing) return;
      this.#turn();
      this.#changed("frame");
      this.frame = requestAnimationFrame(step);
    };
    this.frame = requestAnimationFrame(step);
  }

  // Back to the start of the loop, or to rest at the end of the piece or of a passage.
  #turn() {
    const at = this.time;
    if (this.until !== null && at >= this.until) this.pause();
    else if (this.until === null && this.loop && at >= Math.min(this.loop.end, this.duration)) this.#restart();
    else if (at >= this.duration) this.ended();
  }

  #restart() {
    this.seek(this.loop.start);
    this.voices[this.voice].play().catch(() => this.pause()); // a recording that ran to its end has stopped
  }

  #changed(type) {
    this.dispatchEvent(new Event(type));
  }
}
