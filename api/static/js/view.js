// What of the score is shown: version, aids, transposition and size. The same fields stand beside the upload and in the
// View menu of a score.

import { make } from "./dom.js";
import { t } from "./texts.js";

export const AIDS = ["chords", "note_names", "fingering", "pedal"];
const SIZES = ["normal", "large", "largest"];
const NARROW = matchMedia("(max-width: 38rem)"); // where a page of the usual print has staves of two millimetres

// Of what is uploaded; a narrow window gets the largest print.
export const usualView = () => ({ ...USUAL_VIEW, size: NARROW.matches ? "largest" : "normal" });

const USUAL_VIEW = {
  level: "full",
  chords: false,
  note_names: false,
  fingering: false,
  pedal: true,
  transpose: 0,
  size: "normal",
};
const OCTAVE = 12;

function choice(group, name, value, view) {
  const about = `view.${value}-about`;
  const input = make("input", { type: "radio", name: `${group}-${name}`, value, checked: view[name] === value });
  const words = make("span", {}, t(`view.${value}`));
  if (name === "level") words.append(make("small", {}, t(about)));
  return make("label", {}, input, words);
}

function fieldset(legend, ...children) {
  return make("fieldset", {}, make("legend", {}, t(legend)), ...children);
}

function interval(semitones) {
  if (semitones === 0) return t("view.untransposed");
  if (Math.abs(semitones) === OCTAVE) return t(semitones > 0 ? "view.octave-up" : "view.octave-down");
  return t(semitones > 0 ? "view.up" : "view.down", { n: Math.abs(semitones) });
}

// Fills `root` with the fields of `view`; `group` keeps the radio buttons of two places apart. A field that had the focus
// keeps it.
export function showView(root, group, view) {
  const focused = root.contains(document.activeElement) ? fieldKey(document.activeElement) : null;
  const semitones = Array.from({ length: 2 * OCTAVE + 1 }, (_, place) => OCTAVE - place);
  root.replaceChildren(
    fieldset("view.level", choice(group, "level", "full", view), choice(group, "level", "simple", view)),
    fieldset(
      "view.aids",
      ...AIDS.map((aid) =>
        make("label", {}, make("input", { type: "checkbox", name: `${group}-${aid}`, checked: view[aid] }), t(`view.${aid}`)),
      ),
    ),
    make(
      "div",
      { class: "pair" },
      make(
        "label",
        { class: "select" },
        make("span", { class: "name" }, t("view.transpose")),
        make(
          "select",
          { name: `${group}-transpose` },
          ...semitones.map((n) => make("option", { value: n, selected: view.transpose === n }, interval(n))),
        ),
      ),
      fieldset("view.size", ...SIZES.map((size) => choice(group, "size", size, view))),
    ),
  );
  if (focused) [...root.querySelectorAll("input, select")].find((field) => fieldKey(field) === focused)?.focus();
}

const fieldKey = (field) => `${field.name} ${field.type === "radio" ? field.value : ""}`;

export function readView(root, group) {
  const field = (name) => root.querySelector(`[name="${group}-${name}"]`);
  const chosen = (name) => root.querySelector(`[name="${group}-${name}"]:checked`).value;
  return {
    level: chosen("level"),
    ...Object.fromEntries(AIDS.map((aid) => [aid, field(aid).checked])),
    transpose: Number(field("transpose").value),
    size: chosen("size"),
  };
}
