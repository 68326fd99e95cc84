// Clicks on the performed beats, wherever they fall; the first of a bar is higher.

const AHEAD_S = 0.25;
const WAKE_MS = 60;

export class Metronome {
  constructor(clock, piece, piano) {
    this.clock = clock;
    this.piece = piece;
    this.piano = piano;
    this.on = false;
    this.next = null; // index of the next beat to click
    this.timer = setInterval(() => this.#clickAhead(), WAKE_MS);
    clock.addEventListener("jump", () => (this.next = null));
    clock.addEventListener("state", () => (this.next = null));
  }

  set(on) {
    this.on = on;
    this.next = null;
    if (on) this.piano.context.resume();
  }

  setPiece(piece) {
    this.piece = piece;
    this.next = null;
  }

  destroy() {
    clearInterval(this.timer);
  }

  #clickAhead() {
    if (!this.on || !this.clock.playing) return;
    const { time, rate, loop } = this.clock;
    const beats = this.piece.beats;
    if (this.next === null) this.next = beats.findIndex((beat) => beat.at >= time - 0.01);
    const end = Math.min(time + AHEAD_S * rate, loop ? loop.end - 0.01 : Infinity);
    while (this.next >= 0 && this.next < beats.length && beats[this.next].at < end) {
      const { at, first } = beats[this.next];
      this.#click(this.piano.heard + (at - time) / rate, first);
      this.next += 1;
    }
  }

  #click(when, first) {
    const { context } = this.piano;
    const start = Math.max(when, context.currentTime);
    const wood = new OscillatorNode(context, { type: "triangle", frequency: first ? 1760 : 1175 });
    const level = new GainNode(context, { gain: 0 });
    level.gain.setValueAtTime(0, start);
    level.gain.linearRampToValueAtTime(first ? 0.3 : 0.2, start + 0.002);
    level.gain.exponentialRampToValueAtTime(0.0005, start + 0.07);
    wood.connect(level).connect(context.destination);
    wood.start(start);
    wood.stop(start + 0.08);
  }
}
