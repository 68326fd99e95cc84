// The note that is selected in the score, and what can be done with it.

import { clock, make } from "../dom.js";
import { noteName, spelledInOctave, spelledName, spellings } from "../pitch.js";
import { t } from "../texts.js";
import { keyChoices, keyEdit, metreEdit, METRES } from "./choices.js";
import { findEdit, withNoteEdit, withoutNote } from "./edits.js";

const MOST_ACCIDENTALS = 2;

export class NoteCard {
  constructor(root, { onChange, onClose }) {
    Object.assign(this, { root, onChange, onClose, note: null });
  }

  // `note`: {source, pitch, onset_s, hand}, or null; `recorded`: how many notes were heard; `transposed`: whether the page
  // shows other pitches than were played, so that no name of the played one fits.
  show(note, { edits = [], recorded = 0, transposed = false } = {}) {
    const focused = this.root.contains(document.activeElement) ? document.activeElement.dataset.field : null;
    Object.assign(this, { note, edits, recorded });
    this.root.hidden = note === null;
    if (note === null) return;
    const hand = this.hand();
    const begins = findEdit(edits, "bar-line", note.source);
    const spelled = findEdit(edits, "respell", note.source);
    const name = spelled ? spelledInOctave(spelled, note.pitch) : noteName(note);
    this.root.replaceChildren(
      make(
        "span",
        { class: "what" },
        make("strong", {}, t("note.about", { name, time: clock(note.onset_s) })),
        hand ? ` ${t(`note.${hand}`)}` : "",
      ),
      ...(hand ? [this.button("hand", t(hand === "left" ? "note.to-right" : "note.to-left"), () => this.changeHand())] : []),
      ...(transposed ? [] : [this.names(spelled)]),
      this.button("delete", t("note.delete"), () => this.delete(), "danger"),
      this.button("bar", t(begins ? "note.no-bar" : "note.bar"), () =>
        this.onChange(withNoteEdit(edits, "bar-line", note.source, begins ? null : {})),
      ),
      this.fromHere(),
      make("button", { type: "button", "data-field": "close", "aria-label": t("note.close"), onclick: () => this.onClose() }, "×"),
    );
    if (focused) this.root.querySelector(`[data-field="${focused}"]`)?.focus();
  }

  focus() {
    this.root.querySelector("button")?.focus();
  }

  button(field, words, onclick, kind = null) {
    return make("button", { type: "button", "data-field": field, class: kind, onclick }, words);
  }

  names(spelled) {
    const { source, pitch } = this.note;
    const options = spellings(pitch, MOST_ACCIDENTALS).map(({ step, alter }) =>
      make("option", { value: `${step} ${alter}`, selected: spelled?.step === step && spelled?.alter === alter }, spelledName(step, alter)),
    );
    const select = make(
      "select",
      { "data-field": "name", "aria-label": t("note.respell") },
      make("option", { value: "", selected: !spelled }, t("note.respell")),
      ...options,
    );
    select.addEventListener("change", () => {
      const [step, alter] = select.value.split(" ");
      this.onChange(withNoteEdit(this.edits, "respell", source, step ? { step, alter: Number(alter) } : null));
    });
    return select;
  }

  // What holds from this note on, until the next of its kind.
  fromHere() {
    const factors = [
      ["2", t("correct.longer")],
      ["1/2", t("correct.shorter")],
      ["1", t("correct.as-heard")],
    ];
    const groups = {
      metre: { label: t("correct.metre"), choices: METRES.map((metre) => [metre, metre]), editOf: metreEdit },
      "tempo-level": { label: t("correct.tempo"), choices: factors, editOf: (factor) => ({ factor }) },
      key: { label: t("correct.key"), choices: keyChoices(), editOf: keyEdit },
    };
    const select = make(
      "select",
      { "data-field": "from-here", "aria-label": t("note.from-here") },
      make("option", { value: "" }, t("note.from-here")),
      ...Object.entries(groups).map(([kind, { label, choices }]) =>
        make("optgroup", { label }, ...choices.map(([value, words]) => make("option", { value: `${kind}:${value}` }, words))),
      ),
    );
    select.addEventListener("change", () => {
      const [kind, value] = select.value.split(":");
      this.onChange(withNoteEdit(this.edits, kind, this.note.source, groups[kind].editOf(value)));
    });
    return select;
  }

  // As it is written now or will be in a moment.
  hand() {
    return findEdit(this.edits, "hand", this.note.source)?.hand ?? this.note.hand;
  }

  changeHand() {
    const hand = this.hand();
    if (hand) this.onChange(withNoteEdit(this.edits, "hand", this.note.source, { hand: hand === "left" ? "right" : "left" }));
  }

  delete() {
    this.onChange(withoutNote(this.edits, this.note.source, this.recorded));
    this.onClose();
  }
}
