// How sure the transcription is: a slider that shades the notes below it, and the bars to listen to again.

import { make } from "../dom.js";
import { t } from "../texts.js";

export const USUAL_THRESHOLD = 0.75; // calibrated confidence: of notes this sure, three in four were played
// Whole percent: 100 only for what cannot be wrong, as what came as MIDI.
export const surePercent = (confidence) => Math.floor(100 * confidence);
const LISTED = 8;

export class Doubts {
  constructor(piece, { onThreshold, onBar }) {
    this.piece = piece;
    this.onBar = onBar;
    this.threshold = USUAL_THRESHOLD;
    this.slider = make("input", {
      type: "range",
      id: "stage-threshold",
      min: 0,
      max: 100,
      step: 5,
      value: 100 * USUAL_THRESHOLD,
      oninput: () => {
        this.threshold = this.slider.value / 100;
        this.show();
        onThreshold(this.threshold);
      },
    });
    this.words = make("label", { for: "stage-threshold" });
    this.list = make("ul", { class: "again" });
    this.heading = make("p", { class: "again-heading" });
    this.root = make(
      "section",
      { class: "doubts", id: "stage-doubts", "data-t-label": "stage.doubts", hidden: true },
      make("div", { class: "shade" }, this.words, this.slider),
      make("div", { class: "listen-again" }, this.heading, this.list),
    );
  }

  setPiece(piece) {
    this.piece = piece;
    this.show();
  }

  show() {
    const percent = Math.round(100 * this.threshold);
    const unsure = this.piece.notes.filter((note) => note.written && note.confidence < this.threshold).length;
    this.words.textContent = t("stage.shade", { percent, n: unsure });
    this.slider.setAttribute("aria-valuetext", t("stage.percent", { n: percent }));
    const bars = doubtfulBars(this.piece, this.threshold).slice(0, LISTED);
    this.heading.textContent = t(bars.length > 0 ? "stage.listen-again" : "stage.all-sure");
    this.list.replaceChildren(...bars.map((bar) => this.#item(bar)));
  }

  #item({ index, count, least }) {
    const bar = this.piece.measures[index].number;
    const sure = surePercent(least);
    return make(
      "li",
      {},
      make(
        "button",
        { type: "button", "aria-label": t("stage.listen-again-to", { bar, n: count, sure }), onclick: () => this.onBar(index) },
        t("stage.bar", { n: bar }),
        make("small", {}, t("stage.percent", { n: sure })),
      ),
    );
  }
}

// Bars by how much of them is in doubt, the worst first: {index, count: notes below, least: the least sure of them}.
export function doubtfulBars(piece, threshold) {
  const bars = new Map();
  for (const head of piece.heads) {
    if (head.tied || head.confidence >= threshold) continue;
    const index = piece.measureIndex.get(head.measure);
    const bar = bars.get(index) ?? { index, count: 0, least: 1, doubt: 0 };
    bar.count += 1;
    bar.least = Math.min(bar.least, head.confidence);
    bar.doubt += threshold - head.confidence;
    bars.set(index, bar);
  }
  return [...bars.values()].sort((a, b) => b.doubt - a.doubt || a.index - b.index);
}
