// Corrections of the whole piece, and the list of all that were made.

import { make } from "../dom.js";
import { t } from "../texts.js";
import { keyChoices, keyEdit, metreEdit, METRES } from "./choices.js";
import { editInWords, factorInWords, lengthInWords } from "./descriptions.js";
import { canScaleTempo, findEdit, fraction, tempoLevel, without, withPieceEdit, withScaledTempo } from "./edits.js";

const PICKUPS = [0, 0.5, 1, 1.5, 2, 2.5, 3]; // quarter notes
const BY_EAR = "";

// `onChange({edits}|{title}|{composer})`; `noteOf(source)` gives the performed note.
export class CorrectionPanel {
  constructor(root, { onChange, noteOf, recorded, onNote }) {
    Object.assign(this, { root, onChange, noteOf, recorded, onNote });
  }

  show(wish, metreAsked, otherMetres) {
    const focused = this.root.contains(document.activeElement) ? document.activeElement.dataset.field : null;
    this.wish = wish;
    this.root.replaceChildren(
      make("h2", { id: "correct-heading", tabindex: -1 }, t("correct.title")),
      make("p", { class: "quiet" }, t("correct.about")),
      make("div", { class: "fields" }, this.text("title"), this.text("composer"), this.metre(metreAsked), this.pickup(), this.key()),
      ...this.otherMetres(otherMetres),
      this.tempo(),
      ...this.list(),
    );
    if (focused) (this.root.querySelector(`[data-field="${focused}"]:not(:disabled)`) ?? this.root.querySelector("h2")).focus();
  }

  set(kind, edit) {
    this.onChange({ edits: withPieceEdit(this.wish.edits, kind, edit) });
  }

  text(name) {
    const input = make("input", { value: this.wish[name], maxlength: 200, autocomplete: "off", "data-field": name });
    input.addEventListener("change", () => this.onChange({ [name]: input.value.trim() }));
    return make("label", {}, t(`upload.${name}`), input);
  }

  // `choices`: [[value, words], ...]; the first stands for what was decided by ear.
  select(label, field, value, choices, onChoice) {
    const options = choices.map(([choice, words]) => make("option", { value: choice, selected: choice === value }, words));
    const select = make("select", { "data-field": field }, ...options);
    select.addEventListener("change", () => onChoice(select.value));
    return make("label", {}, label, select);
  }

  metre(asked) {
    const edit = findEdit(this.wish.edits, "metre");
    const value = edit ? `${edit.beats}/${edit.beat_type}` : BY_EAR;
    const metres = METRES.includes(value) || value === BY_EAR ? METRES : [...METRES, value];
    const choices = [[BY_EAR, asked ?? t("correct.by-ear")], ...metres.map((metre) => [metre, metre])];
    return this.select(t("correct.metre"), "metre", value, choices, (chosen) => {
      this.set("metre", chosen === BY_EAR ? null : metreEdit(chosen));
    });
  }

  // One press instead of a search through all metres: what the music could be in, the likeliest first.
  otherMetres(metres) {
    if (metres.length === 0) return [];
    const button = (metre, rank) => {
      const choose = () => this.set("metre", metreEdit(metre));
      return make("button", { type: "button", "data-field": `other-metre-${rank}`, onclick: choose }, metre);
    };
    return [
      make(
        "div",
        { role: "group", "aria-label": t("correct.other-metres") },
        make("p", { class: "quiet" }, t("correct.other-metres")),
        make("div", { class: "row" }, ...metres.map(button)),
      ),
    ];
  }

  pickup() {
    const edit = findEdit(this.wish.edits, "pickup");
    const value = edit ? String(fraction(edit.quarters)) : BY_EAR;
    const lengths = PICKUPS.map(String).includes(value) || value === BY_EAR ? PICKUPS : [...PICKUPS, Number(value)];
    const choices = [[BY_EAR, t("correct.by-ear")], ...lengths.map((quarters) => [String(quarters), lengthInWords(quarters)])];
    return this.select(t("correct.pickup"), "pickup", value, choices, (chosen) =>
      this.set("pickup", chosen === BY_EAR ? null : { quarters: chosen }),
    );
  }

  key() {
    const edit = findEdit(this.wish.edits, "key");
    const value = edit ? `${edit.fifths} ${edit.mode ?? "major"}` : BY_EAR;
    const choices = [[BY_EAR, t("correct.by-ear")], ...keyChoices()];
    return this.select(t("correct.key"), "key", value, choices, (chosen) =>
      this.set("key", chosen === BY_EAR ? null : keyEdit(chosen)),
    );
  }

  tempo() {
    const level = tempoLevel(this.wish.edits);
    const button = (words, factor, field) =>
      make(
        "button",
        {
          type: "button",
          "data-field": field,
          disabled: !canScaleTempo(this.wish.edits, factor),
          onclick: () => this.onChange({ edits: withScaledTempo(this.wish.edits, factor) }),
        },
        t(words),
      );
    const now = level === 1 ? t("correct.as-heard") : t("correct.times", { factor: factorInWords(level) });
    return make(
      "div",
      { role: "group", "aria-label": t("correct.tempo") },
      make("p", { class: "quiet" }, `${t("correct.tempo")}: ${now}`),
      make("div", { class: "row" }, button("correct.longer", 2, "longer"), button("correct.shorter", 0.5, "shorter")),
    );
  }

  list() {
    const { edits } = this.wish;
    if (edits.length === 0) return [make("p", { class: "quiet" }, t("correct.none"))];
    const items = edits.toReversed().map((edit) => {
      const words = editInWords(edit, this.noteOf);
      const take = () => this.onChange({ edits: without(edits, edit, this.recorded()) });
      const label = t("correct.remove", { what: words });
      const back = make("button", { type: "button", "aria-label": label, "data-field": "take-back", onclick: take }, "×");
      return make("li", {}, make("span", {}, words), back);
    });
    return [
      make("h3", {}, t("correct.list", { n: edits.length })),
      make("ul", { class: "corrections" }, ...items),
      make("button", { type: "button", "data-field": "clear", onclick: () => this.onChange({ edits: [] }) }, t("correct.clear")),
    ];
  }
}
