// The list of corrections, as the service keeps it: pure functions from one list to the next.
//
// A note is named by its source, the place of its performed note; notes that were added are numbered after the recorded
// ones, in the order of their edits, so that taking one back moves the numbers of the later ones.

const TEMPO_LEVELS = [0.25, 0.5, 1, 2, 4];

const isAbout = (edit, kind, source) => edit.edit === kind && edit.source === source;
const added = (edits) => edits.filter((edit) => edit.edit === "add");

export const findEdit = (edits, kind, source) => edits.find((edit) => isAbout(edit, kind, source));
export const isAdded = (source, recorded) => source >= recorded;

// A correction of the whole piece, of which there is one of each kind; null takes it back.
export function withPieceEdit(edits, kind, edit) {
  const others = edits.filter((other) => !isAbout(other, kind, undefined));
  return edit === null ? others : [...others, { edit: kind, ...edit }];
}

// A correction of one note or of all from it on, of which there is one of each kind; null takes it back.
export function withNoteEdit(edits, kind, source, edit) {
  const others = edits.filter((other) => !isAbout(other, kind, source));
  return edit === null ? others : [...others, { edit: kind, source, ...edit }];
}

// Values of the whole piece as they stand beside those that were found: 2 is twice as long.
export function tempoLevel(edits) {
  return edits.filter((edit) => isAbout(edit, "tempo-level", undefined)).reduce((product, edit) => product * fraction(edit.factor), 1);
}

export const canScaleTempo = (edits, factor) => TEMPO_LEVELS.includes(tempoLevel(edits) * factor);

export function withScaledTempo(edits, factor) {
  const level = tempoLevel(edits) * factor;
  return withPieceEdit(edits, "tempo-level", level === 1 ? null : { factor: level < 1 ? `1/${1 / level}` : `${level}` });
}

// Without this note: a recorded one is marked as deleted, one that was added is no longer added. What else was said of
// it is forgotten.
export function withoutNote(edits, source, recorded) {
  const others = edits.filter((edit) => edit.source !== source);
  if (!isAdded(source, recorded)) return [...others, { edit: "delete", source }];
  return withoutAdded(others, added(edits)[source - recorded], recorded);
}

export function withAdded(edits, { onset_s, offset_s, pitch, velocity }) {
  const numbers = added(edits).map((edit) => Number(/^a(\d+)$/.exec(edit.id)?.[1] ?? 0));
  const note = { edit: "add", id: `a${Math.max(0, ...numbers) + 1}`, onset_s, offset_s, pitch };
  return [...edits, velocity === undefined ? note : { ...note, velocity }];
}

// Without one correction of the list.
export function without(edits, gone, recorded) {
  if (gone.edit !== "add") return edits.filter((edit) => edit !== gone);
  const source = recorded + added(edits).indexOf(gone);
  return withoutAdded(edits.filter((edit) => edit.source !== source), gone, recorded);
}

function withoutAdded(edits, gone, recorded) {
  const source = recorded + added(edits).indexOf(gone);
  const moved = (number) => (number > source ? number - 1 : number);
  return edits
    .filter((edit) => edit !== gone)
    .map((edit) => {
      if (edit.edit === "hands") return { ...edit, first: moved(edit.first), last: moved(edit.last) };
      return edit.source === undefined ? edit : { ...edit, source: moved(edit.source) };
    });
}

// "3/2" or "2" or 1.5 as a number.
export function fraction(text) {
  const [above, below = 1] = String(text).split("/").map(Number);
  return above / below;
}
