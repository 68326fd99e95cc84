// Where the parts of the stage stand: controls and waveform pinned above the score, chosen note, roll and keys below.

import { make } from "../dom.js";
import { relabel } from "../texts.js";
import { button, showNames } from "./controls.js";

// Fills the stage's root; returns what the stage speaks to later: {top, bottom, addButton, back}.
export function layOut(root, { controls, waveform, doubts, sheets, evidence, roll, keyboard }, notices, commands) {
  const addButton = button("add", "stage.add", () => commands.add(), { class: "tool add", "aria-pressed": "false" });
  const back = make("button", { type: "button", class: "back", "data-t": "stage.follow", hidden: true, onclick: () => commands.follow() });
  const pictures = make("div", { class: "pictures" }, make("div", { class: "roll-frame" }, roll.element, addButton), keyboard.element);
  const top = make("div", { class: "top" }, controls.root, waveform.element, doubts.root);
  const bottom = make("div", { class: "bottom" }, back, evidence.root, pictures);
  root.replaceChildren(top, notices.trouble, sheets.root, bottom, notices.status);
  relabel(root);
  showNames(root);
  return { top, bottom, addButton, back };
}
