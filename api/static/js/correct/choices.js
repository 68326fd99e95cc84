// What can be chosen of a piece or from a note on: pairs of value and words, and the edits that the values stand for.

import { keyName } from "../pitch.js";

export const METRES = ["2/4", "3/4", "4/4", "6/8", "2/2", "3/2", "3/8", "9/8", "12/8", "5/4", "5/8", "6/4", "7/8", "7/4", "4/8", "4/2"];
const MOST_FIFTHS = 7;

export function metreEdit(metre) {
  const [beats, beat_type] = metre.split("/").map(Number);
  return { beats, beat_type };
}

// The majors, those with the fewest accidentals first, then the minors.
export function keyChoices() {
  const sizes = Array.from({ length: MOST_FIFTHS + 1 }, (_, size) => (size === 0 ? [0] : [size, -size]));
  return ["major", "minor"].flatMap((mode) => sizes.flat().map((fifths) => [`${fifths} ${mode}`, keyName(fifths, mode)]));
}

export function keyEdit(key) {
  const [fifths, mode] = key.split(" ");
  return { fifths: Number(fifths), mode };
}
