// Why a note was written: what the recording and the model showed around it, and what else it might have been.

import { make } from "../dom.js";
import { noteName, pitchName } from "../pitch.js";
import { has, t } from "../texts.js";
import { Canvas } from "./canvas.js";
import { button } from "./controls.js";
import { USUAL_THRESHOLD, surePercent } from "./doubts.js";

const BEFORE_S = 0.8;
const AFTER_S = 1.4;
const ABOVE = 14; // semitones shown on either side: an octave and a little
const CLEAR = 0.5; // of 0..1: from here a strength counts as clear, the middle of the model's scale
const SHOWN_LEVELS = 115; // of the stored 255, below the loudest: 45 decibels
const SHOWN_ALTERNATIVES = 4;

export class Evidence {
  constructor(piece, actions, { onClose, onAlternative }) {
    Object.assign(this, { piece, onAlternative });
    this.address = null;
    this.seen = null;
    this.expanded = false;
    this.title = make("h3", {});
    this.more = make("button", { type: "button", class: "more", "aria-expanded": "false", "aria-controls": "stage-heard", "data-t": "stage.why", onclick: () => this.toggle() });
    this.why = make("p", { class: "why" });
    this.instead = make("p", { class: "instead" });
    this.others = make("ul", { class: "others" });
    this.canvas = new Canvas("spectrum", { role: "img" }, (...args) => this.#paint(...args));
    this.strip = make("div", { class: "strip" }, this.canvas.element);
    this.heard = make("div", { class: "heard", id: "stage-heard", hidden: true }, this.strip, make("div", { class: "words" }, this.why, this.instead, this.others));
    this.root = make(
      "section",
      { class: "evidence", "data-t-label": "stage.evidence", hidden: true },
      make("header", {}, this.title, this.more, button("close", "stage.close", onClose)),
      actions,
      this.heard,
    );
  }

  setPiece(piece, address) {
    Object.assign(this, { piece, address });
  }

  close() {
    this.root.hidden = true;
    this.seen = null;
    this.note = null;
    this.request?.abort();
  }

  toggle() {
    if (!this.note) return;
    this.expanded = !this.expanded;
    this.show(this.note);
  }

  // Names this performed note and, once somebody asked why, shows what was heard around it.
  async show(note) {
    this.root.hidden = false;
    this.heard.hidden = !this.expanded;
    this.more.setAttribute("aria-expanded", String(this.expanded));
    this.note = note;
    this.seen = null;
    const bar = this.piece.barOf(note);
    const sure = surePercent(note.confidence);
    this.title.textContent = t("stage.note-title", { pitch: noteName(note), bar, sure });
    this.why.textContent = t(this.address ? "stage.looking" : "stage.not-heard");
    this.others.replaceChildren();
    this.instead.textContent = "";
    this.strip.hidden = !this.address;
    this.request?.abort();
    if (!this.address || !this.expanded) return;
    this.request = new AbortController();
    try {
      const seen = await fetchEvidence(this.address, note, this.piece, this.request.signal);
      if (this.note === note && !this.root.hidden) this.#tell(note, seen);
    } catch (error) {
      if (error.name === "AbortError") return;
      this.strip.hidden = true;
      this.why.textContent = t("stage.no-evidence", { sure });
    }
  }

  #tell(note, seen) {
    this.seen = seen;
    const pitch = note.pitch - this.piece.transpose;
    const [onset, frame] = [strongest(seen, "onset", pitch, note.onset_s), held(seen, pitch, note)];
    const percent = (share) => Math.round(100 * share);
    const words = { pitch: noteName(note), onset: percent(onset), frame: percent(frame), sure: surePercent(note.confidence) };
    this.why.textContent = t(reason(note, onset, frame), words);
    const others = (seen.alternatives ?? []).slice(0, SHOWN_ALTERNATIVES);
    this.instead.textContent = t(others.length > 0 ? "stage.others" : "stage.no-others");
    this.others.replaceChildren(...others.map((other) => this.#other(other)));
    this.canvas.element.setAttribute("aria-label", this.why.textContent);
    this.canvas.draw();
  }

  #other({ pitch, strength, relation, why }) {
    const shown = pitch + this.piece.transpose;
    const words = t("stage.instead", { pitch: pitchName(shown), percent: Math.round(100 * strength) });
    const reason = has(`stage.relation.${relation}`) ? t(`stage.relation.${relation}`) : why;
    return make("li", {}, make("button", { type: "button", onclick: () => this.onAlternative(shown) }, words, make("small", {}, reason)));
  }

  // Spectrum as shades, the model's frame strength in the hand's colour over it, its onset strength below.
  #paint(context, width, height, colours) {
    context.clearRect(0, 0, width, height);
    if (!this.seen) return;
    const { seen, note } = this;
    const pitch = note.pitch - this.piece.transpose;
    const curve = Math.round(height * 0.24);
    const high = height - curve - 4;
    const across = (at) => ((at - seen.start_s) / (seen.frames * seen.frame_s)) * width;
    paintSpectrum(context, seen, pitch, width, high, colours);
    const row = high / (2 * ABOVE + 1);
    const middle = (ABOVE + 0.5) * row;
    context.strokeStyle = colours[note.hand];
    context.lineWidth = 1.5;
    context.strokeRect(across(note.onset_s), middle - row, Math.max(3, across(note.offset_s) - across(note.onset_s)), 2 * row);
    for (const [kind, colour, fill] of [["frame", colours[`${note.hand}Soft`], true], ["onset", colours.accent, false]]) {
      paintCurve(context, seen, kind, pitch, { width, top: high + 4, height: curve, colour, fill });
    }
    context.fillStyle = colours.soft;
    context.fillRect(across(note.onset_s), 0, 1, height);
  }

  destroy() {
    this.close();
    this.canvas.destroy();
    this.root.remove();
  }
}

async function fetchEvidence(address, note, piece, signal) {
  const start = Math.max(0, note.onset_s - BEFORE_S);
  const end = Math.min(piece.duration, note.onset_s + AFTER_S);
  const asked = new URL(address, location.href);
  asked.searchParams.set("start_s", start.toFixed(3));
  asked.searchParams.set("end_s", end.toFixed(3));
  asked.searchParams.set("source", note.source);
  const response = await fetch(asked, { signal });
  if (!response.ok) throw new Error(`No evidence (${response.status}).`);
  const seen = await response.json();
  return { ...seen, frames: seen.onset.length };
}

// The text that says why: what surrounds a note can lend it, or take from it, what its own stroke does not tell.
function reason(note, onset, frame) {
  const sure = note.confidence >= USUAL_THRESHOLD;
  if (note.added) return "stage.why-added";
  if (onset < CLEAR) return sure ? "stage.why-surroundings" : "stage.why-faint";
  if (frame < CLEAR) return "stage.why-short";
  return !sure && note.confidence < onset ? "stage.why-against" : "stage.why-clear";
}

// Strength 0..1 of a key in a frame.
function strength(seen, kind, frame, pitch) {
  return (seen[kind][frame]?.[pitch - seen.pitches[0]] ?? 0) / 255;
}

// The strongest within 50 ms of a moment: what a listener hears as one beginning.
function strongest(seen, kind, pitch, at) {
  const middle = Math.round((at - seen.start_s) / seen.frame_s);
  const reach = Math.ceil(0.05 / seen.frame_s);
  let most = 0;
  for (let frame = middle - reach; frame <= middle + reach; frame += 1) most = Math.max(most, strength(seen, kind, frame, pitch));
  return most;
}

// The mean frame strength while the key was down, as far as it is shown.
function held(seen, pitch, note) {
  const first = Math.max(0, Math.round((note.onset_s - seen.start_s) / seen.frame_s));
  const last = Math.min(seen.frames - 1, Math.max(first, Math.floor((note.offset_s - seen.start_s) / seen.frame_s)));
  let sum = 0;
  for (let frame = first; frame <= last; frame += 1) sum += strength(seen, "frame", frame, pitch);
  return sum / Math.max(1, last - first + 1);
}

function paintSpectrum(context, seen, pitch, width, high, colours) {
  const finer = seen.bands_per_semitone ?? 1;
  const bands = (2 * ABOVE + 1) * finer;
  const lowest = (pitch - ABOVE - seen.pitches[0]) * finer;
  const [wide, tall] = [width / seen.frames, high / bands];
  const loudest = Math.max(1, ...seen.spectrogram.flat());
  context.fillStyle = colours.ink;
  for (let frame = 0; frame < seen.frames; frame += 1) {
    for (let band = 0; band < bands; band += 1) {
      const level = seen.spectrogram[frame]?.[lowest + band] ?? 0;
      const shade = 1 - (loudest - level) / SHOWN_LEVELS;
      if (shade <= 0) continue;
      context.globalAlpha = 0.85 * shade;
      const left = Math.floor(frame * wide);
      const top = Math.floor(high - (band + 1) * tall);
      context.fillRect(left, top, Math.floor((frame + 1) * wide) - left, Math.floor(high - band * tall) - top);
    }
  }
  context.globalAlpha = 1;
}

function paintCurve(context, seen, kind, pitch, { width, top, height, colour, fill }) {
  context.beginPath();
  context.moveTo(0, top + height);
  for (let frame = 0; frame < seen.frames; frame += 1) {
    context.lineTo(((frame + 0.5) / seen.frames) * width, top + height * (1 - strength(seen, kind, frame, pitch)));
  }
  if (fill) {
    context.lineTo(width, top + height);
    context.fillStyle = colour;
    context.fill();
  } else {
    context.strokeStyle = colour;
    context.lineWidth = 1.5;
    context.stroke();
  }
}
