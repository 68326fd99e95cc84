// The synthesised piano as one of the clock's voices: reads the performed notes a little ahead and strikes them.

const LEAD_S = 0.06; // before the first stroke, so that none comes late
const AHEAD_S = 0.25; // struck in advance; a timer is late by less
const AHEAD_HIDDEN_S = 2.2; // timers of a hidden page run once a second
const WAKE_MS = 60;
const FIRST_TONES = 12; // are there before the music starts; the others are made much faster than they are needed

export class Pianist {
  constructor(piece, piano) {
    this.piece = piece;
    this.piano = piano;
    this.hand = "both";
    this.position = 0; // where it rests, and where it began to play
    this.rate = 1;
    this.began = null; // second of the context at which `position` sounds
    this.timer = 0;
  }

  get time() {
    if (this.began === null) return this.position;
    return Math.max(this.position, this.position + (this.piano.heard - this.began) * this.rate);
  }

  async play() {
    if (this.began !== null) return;
    this.asked = true;
    await this.piano.context.resume();
    const pitches = this.#soonest();
    await this.piano.load(pitches.slice(0, FIRST_TONES));
    this.piano.load(pitches);
    if (this.asked) this.#begin();
  }

  pause() {
    this.position = this.time;
    this.asked = false;
    this.#rest();
  }

  seek(at) {
    const playing = this.began !== null;
    this.#rest();
    this.position = at;
    if (playing) this.#begin();
  }

  setRate(rate) {
    if (rate === this.rate) return;
    this.position = this.time;
    const playing = this.began !== null;
    this.#rest();
    this.rate = rate;
    if (playing) this.#begin();
  }

  prepare() {
    this.piano.load(this.#soonest());
  }

  // "both", or the one hand that is played.
  setHand(hand) {
    this.hand = hand;
    if (this.began !== null) this.seek(this.time);
  }

  // Another edition of the piece: what was not struck yet is read from it.
  setPiece(piece) {
    this.piece = piece;
    if (this.began !== null) {
      this.prepare();
      this.seek(this.time);
    }
  }

  destroy() {
    this.asked = false;
    this.#rest();
  }

  // Every pitch of the piece, the ones that come next first.
  #soonest() {
    const coming = this.piece.notes.filter((note) => note.onset_s >= this.position);
    return [...new Set([...coming, ...this.piece.notes].map((note) => note.pitch))];
  }

  #begin() {
    if (this.began !== null) return;
    this.began = this.piano.context.currentTime + LEAD_S;
    this.struckTo = this.position - 0.02;
    this.timer = setInterval(() => this.#strikeAhead(), WAKE_MS);
    this.#strikeAhead();
  }

  #rest() {
    clearInterval(this.timer);
    if (this.began !== null) this.piano.silence();
    this.began = null;
  }

  #strikeAhead() {
    const ahead = document.hidden ? AHEAD_HIDDEN_S : AHEAD_S;
    const now = this.piano.context.currentTime;
    const end = this.position + (now + ahead - this.began) * this.rate;
    if (end <= this.struckTo) return;
    for (const note of this.piece.notesStartingIn(this.struckTo, end)) {
      if (this.hand !== "both" && note.hand !== this.hand) continue;
      const when = Math.max(now, this.began + (note.onset_s - this.position) / this.rate);
      this.piano.strike(note.pitch, note.velocity, when, when + (note.silent_s - note.onset_s) / this.rate);
    }
    this.struckTo = end;
  }
}
