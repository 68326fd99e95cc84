// Putting in a note that was missed: by a press or a drag on the roll, or by the arrow keys and Enter. The note begins
// with one that was played, where one is near, because what is missed is mostly part of a chord.

import { pitchName } from "../pitch.js";
import { t } from "../texts.js";

const TOGETHER_S = 0.06; // nearer than this the new note joins the played one
const SHORTEST_S = 0.06;
const STEPS_A_BEAT = 4; // of the arrow keys

export class Adding {
  constructor(clock, piece, { onAdd, onHear, onSay, onChange }) {
    Object.assign(this, { clock, piece, onAdd, onHear, onSay, onChange });
    this.active = false;
    this.draft = null;
  }

  get drafts() {
    return this.draft ? [this.draft] : [];
  }

  set(active) {
    this.active = active;
    this.draft = null;
    if (active) this.clock.pause();
    this.onChange();
  }

  setPiece(piece) {
    this.piece = piece;
  }

  put(at, pitch) {
    this.draft = this.#note(this.#joined(at), pitch);
    this.#finish();
  }

  stretch(from, to) {
    const note = this.#note(this.#joined(Math.min(from.at, to.at)), from.pitch);
    this.draft = { ...note, offset_s: Math.max(note.onset_s + SHORTEST_S, from.at, to.at), stretched: true };
    this.onChange();
  }

  dropped() {
    if (this.draft?.stretched) this.#finish();
  }

  // Arrow keys move a draft, Enter puts it in, Escape leaves. True where the key was used.
  key(event) {
    if (!this.active) return false;
    if (event.key === "Escape") {
      this.set(false);
      return true;
    }
    if (event.key === "Enter" && this.draft) {
      this.#finish();
      return true;
    }
    const steps = { ArrowUp: [0, 1], ArrowDown: [0, -1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] }[event.key];
    if (!steps) return false;
    this.#move(steps[0] * (event.shiftKey ? STEPS_A_BEAT : 1), steps[1] * (event.shiftKey ? 12 : 1));
    return true;
  }

  #move(later, higher) {
    const from = this.draft ?? this.#note(this.#joined(this.clock.time), 60);
    const at = from.onset_s + (later * this.#beatAt(from.onset_s)) / STEPS_A_BEAT;
    this.draft = this.#note(Math.min(Math.max(at, 0), this.clock.duration), from.pitch + higher);
    if (later) this.clock.seek(this.draft.onset_s);
    if (higher) this.onHear(this.draft.pitch);
    const bar = this.piece.measures[this.piece.measureAt(this.draft.onset_s)].number;
    this.onSay(t("stage.add-at", { pitch: pitchName(this.draft.pitch), bar, at: this.draft.onset_s.toFixed(2) }));
    this.onChange();
  }

  #finish() {
    const { onset_s, offset_s, pitch } = this.draft;
    const round = (seconds) => Math.round(seconds * 1000) / 1000;
    this.onHear(pitch);
    this.onAdd({ onset_s: round(onset_s), offset_s: round(offset_s), pitch });
    this.set(false);
  }

  // Most of a beat long, where nothing says otherwise.
  #note(onset_s, pitch) {
    const offset_s = Math.min(onset_s + 0.9 * this.#beatAt(onset_s), this.clock.duration);
    return { onset_s, offset_s: Math.max(offset_s, onset_s + SHORTEST_S), pitch: Math.min(Math.max(pitch, 21), 108) };
  }

  #joined(at) {
    const near = this.piece.notesStartingIn(at - TOGETHER_S, at + TOGETHER_S);
    near.sort((a, b) => Math.abs(a.onset_s - at) - Math.abs(b.onset_s - at));
    return near[0]?.onset_s ?? at;
  }

  #beatAt(at) {
    const { beats_s, end_s } = this.piece.measures[this.piece.measureAt(at)];
    const places = [...beats_s, end_s];
    return (places.at(-1) - places[0]) / Math.max(1, places.length - 1) || 0.5;
  }
}
