// Corrections and their values in words.

import { clock } from "../dom.js";
import { keyName, noteName, spelledName } from "../pitch.js";
import { number, t } from "../texts.js";
import { fraction } from "./edits.js";

const EIGHTH = 0.5;

export function noteInWords(note) {
  return t("edit.note", { name: noteName(note), time: clock(note.onset_s) });
}

export function lengthInWords(quarters) {
  if (quarters === 0) return t("correct.no-pickup");
  return quarters === EIGHTH ? t("correct.eighth") : t("correct.quarters", { n: quarters });
}

// `noteOf(source)`: the performed note, undefined where it is not known.
export function editInWords(edit, noteOf) {
  const note = (source) => {
    const found = noteOf(source);
    return found ? noteInWords(found) : t("edit.unknown-note", { n: source + 1 });
  };
  const since = (what) => (edit.source === undefined ? what : t("edit.since", { what, note: note(edit.source) }));
  switch (edit.edit) {
    case "metre":
      return since(t("edit.metre", { metre: `${edit.beats}/${edit.beat_type}` }));
    case "pickup":
      return t("edit.pickup", { length: lengthInWords(fraction(edit.quarters)) });
    case "tempo-level":
      return since(t("edit.tempo-level", { factor: factorInWords(fraction(edit.factor)) }));
    case "key":
      return since(t("edit.key", { key: keyName(edit.fifths, edit.mode) }));
    case "hand":
      return t(`edit.hand-${edit.hand}`, { note: note(edit.source) });
    case "hands":
      return t(`edit.hand-${edit.hand}`, { note: `${note(edit.first)} – ${note(edit.last)}` });
    case "respell":
      return t("edit.respell", { note: note(edit.source), name: spelledName(edit.step, edit.alter) });
    case "add":
      return t("edit.add", { note: noteInWords(edit) });
    case "title":
    case "composer":
      return t(`edit.${edit.edit}`, { text: edit.text });
    default: // bar-line, delete
      return t(`edit.${edit.edit}`, { note: note(edit.source) });
  }
}

export const factorInWords = (factor) => ({ 0.25: "¼", 0.5: "½" })[factor] ?? number(factor);

// "E♭4" for a name of this pitch; C flat belongs to the octave of the B that it sounds like.
