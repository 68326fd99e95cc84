// Names of notes in the page's language.

import { t } from "./texts.js";

export const STEPS = { C: 0, D: 2, E: 4, F: 5, G: 7, A: 9, B: 11 }; // semitones above C
const FIFTHS = { F: -1, C: 0, G: 1, D: 2, A: 3, E: 4, B: 5 };
const FIRST_FIFTH = -15; // F double flat, where the list of names begins
// How a key is usually called where nothing is known of its music: C sharp, E flat, F sharp, A flat, B flat.
const USUAL_FIFTHS = [0, 7, 2, -3, 4, -1, 6, 1, -4, 3, -2, 5];

const onFifths = (fifths) => t("pitch.names").split(" ")[fifths - FIRST_FIFTH];

export const spelledName = (step, alter) => onFifths(FIFTHS[step] + 7 * alter);
export const octaveOf = (pitch) => Math.floor(pitch / 12) - 1;
export const pitchName = (pitch) => `${onFifths(USUAL_FIFTHS[pitch % 12])}${octaveOf(pitch)}`;
export const spelledInOctave = ({ step, alter }, pitch) => `${spelledName(step, alter)}${octaveOf(pitch - alter)}`;
// As it is written, where that is known.
export const noteName = (note) => (note.step ? spelledInOctave(note, note.pitch) : pitchName(note.pitch));

// "major" begins at its tonic on the line of fifths, "minor" three fifths above.
export function keyName(fifths, mode) {
  return mode === "minor" ? t("correct.minor", { tonic: onFifths(fifths + 3) }) : t("correct.major", { tonic: onFifths(fifths) });
}

// Every way to write `pitch` with at most `most` accidentals, simple ones first: [{step, alter}, ...].
export function spellings(pitch, most = 2) {
  const found = [];
  for (const [step, semitones] of Object.entries(STEPS)) {
    const alter = ((pitch - semitones + 6 + 120) % 12) - 6;
    if (Math.abs(alter) <= most) found.push({ step, alter });
  }
  return found.sort((a, b) => Math.abs(a.alter) - Math.abs(b.alter));
}
