// What is marked on the written notes: sounding, chosen, not sure, of the hand that rests.

export const markStyles = new CSSStyleSheet();
// A drawing's own rules name it by its id, which is why the chosen note insists.
markStyles.replaceSync(`
  :host { display: block; position: relative; }
  svg { display: block; width: 100%; height: 100%; overflow: hidden; }
  .missing { margin: 0; padding: 2rem; }
  .cursor {
    position: absolute; top: 0; left: 0; width: 2px; margin-left: -1px; border-radius: 2px;
    background: var(--accent-on-paper); opacity: .55; pointer-events: none; will-change: transform;
  }
  .cursor[hidden] { display: none; }
  .band {
    position: absolute; border-radius: 4px; pointer-events: none;
    background: var(--loop-on-paper); mix-blend-mode: multiply;
  }
  g.note { cursor: pointer; }
  g.note.doubt-1 { color: var(--doubt-1); fill: var(--doubt-1); }
  g.note.doubt-2 { color: var(--doubt-2); fill: var(--doubt-2); }
  g.note.doubt-3 { color: var(--doubt-3); fill: var(--doubt-3); }
  g.note.resting,
  :host([data-resting="right"]) .right-staff > g.layer,
  :host([data-resting="left"]) .left-staff > g.layer { color: var(--resting); fill: var(--resting); }
  g.note.right.sounding { color: var(--right-on-paper); fill: var(--right-on-paper); }
  g.note.left.sounding { color: var(--left-on-paper); fill: var(--left-on-paper); }
  g.note.sounding .notehead path { stroke: currentColor; stroke-width: 40; stroke-linejoin: round; }
  g.note.chosen .notehead path { stroke: var(--chosen-on-paper) !important; stroke-width: 110; paint-order: stroke; stroke-linejoin: round; }
  @media (forced-colors: active) { g.note.sounding, g.note.chosen { color: Highlight; fill: Highlight; } }
`);

const LEVELS = 3;
const STAVES = ["right-staff", "left-staff"]; // from above

export class Marks {
  constructor(piece) {
    this.piece = piece;
    this.sheets = []; // those that are drawn
    this.sounding = new Set();
    this.chosen = null; // source
    this.threshold = 0; // notes less sure than this are shaded
    this.resting = null; // hand
  }

  setPiece(piece) {
    this.piece = piece;
    this.sounding = new Set();
  }

  // A page has been drawn: everything that is marked is marked on it.
  dress(sheet) {
    if (!this.sheets.includes(sheet)) this.sheets.push(sheet);
    sheet.host.dataset.resting = this.resting ?? "";
    for (const measure of sheet.tree.querySelectorAll("g.measure")) {
      measure.querySelectorAll(":scope > g.staff").forEach((staff, place) => staff.classList.add(STAVES[place]));
    }
    for (const note of sheet.tree.querySelectorAll("g.note")) {
      const head = this.piece.headsById.get(note.id);
      if (head) this.#mark(note, head);
    }
  }

  undress(sheet) {
    this.sheets = this.sheets.filter((other) => other !== sheet);
  }

  setThreshold(threshold) {
    this.threshold = threshold;
    this.#remark();
  }

  setResting(hand) {
    this.resting = hand;
    this.#remark();
  }

  choose(source) {
    this.#each(this.chosen, (note) => note.classList.remove("chosen"));
    this.chosen = source;
    this.#each(source, (note) => note.classList.add("chosen"));
  }

  // Lights these heads and no others; elements are touched only where something changes.
  light(heads) {
    const wanted = new Set(heads.map((head) => head.id));
    for (const id of this.sounding) if (!wanted.has(id)) this.#find(id)?.classList.remove("sounding");
    for (const id of wanted) if (!this.sounding.has(id)) this.#find(id)?.classList.add("sounding");
    this.sounding = wanted;
  }

  #find(id) {
    for (const sheet of this.sheets) {
      const note = sheet.note(id);
      if (note) return note;
    }
    return null;
  }

  #each(source, change) {
    for (const { id } of this.piece.headsBySource.get(source) ?? []) {
      const note = this.#find(id);
      if (note) change(note);
    }
  }

  #remark() {
    for (const sheet of this.sheets) this.dress(sheet);
  }

  #mark(note, head) {
    const classes = note.classList;
    classes.add(head.hand);
    const doubt = this.threshold > 0 ? Math.ceil(LEVELS * (1 - head.confidence / this.threshold)) : 0;
    for (let level = 1; level <= LEVELS; level += 1) classes.toggle(`doubt-${level}`, doubt === level);
    classes.toggle("resting", head.hand === this.resting);
    classes.toggle("sounding", this.sounding.has(head.id));
    classes.toggle("chosen", head.source === this.chosen);
  }
}
