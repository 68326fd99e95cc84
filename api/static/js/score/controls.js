// The row of buttons above the score: play, where it is, speed, loop, metronome, what sounds, whose hand.

import { clock as minutes, make } from "../dom.js";
import { t } from "../texts.js";
import { FASTEST, SLOWEST } from "./clock.js";
import { icon } from "./drawn.js";

const SPEED_STEP = 0.05;

// actions: toggle, start, speed(rate), loop, metronome, voice(name), hand(name), doubts, panels.
export class Controls {
  constructor(actions, { hasRecording }) {
    this.play = button("play", "stage.play", actions.toggle, { class: "play" });
    this.start = button("back", "stage.to-start", actions.start);
    this.clock = make("span", { class: "clock" });
    this.bar = make("span", { class: "at-bar" });
    this.time = make("div", { class: "time", role: "group", "data-t-label": "stage.time" }, this.clock, this.bar);
    this.speed = make("input", {
      type: "range",
      min: 100 * SLOWEST,
      max: 100 * FASTEST,
      step: 100 * SPEED_STEP,
      value: 100,
      "data-t-label": "stage.speed",
      oninput: () => actions.speed(this.speed.value / 100),
    });
    this.percent = make("button", { type: "button", class: "percent", "data-t-label": "stage.normal-speed", onclick: () => actions.speed(1) });
    this.loop = button("loop", "stage.loop", actions.loop, { "aria-pressed": "false" });
    this.metronome = button("metronome", "stage.metronome", actions.metronome, { "aria-pressed": "false" });
    this.doubts = button("doubt", "stage.doubts", actions.doubts, { "aria-expanded": "false", "aria-controls": "stage-doubts" });
    this.panels = button("panels", "stage.panels", actions.panels, { "aria-pressed": "true" });
    this.voice = choice("stage.voice", [["recording", "stage.recording", icon("microphone")], ["piano", "stage.piano", icon("keys")]], actions.voice);
    this.voice.root.hidden = !hasRecording;
    this.hand = choice("stage.hands", [["left", "stage.left", icon("leftHand")], ["both", "stage.both", icon("bothHands")], ["right", "stage.right", icon("rightHand")]], actions.hand);
    this.root = make(
      "div",
      { class: "controls", role: "group", "data-t-label": "stage.controls" },
      make("div", { class: "group" }, this.start, this.play, this.time),
      make("div", { class: "group speed" }, this.speed, this.percent),
      make("div", { class: "group" }, this.loop, this.metronome),
      make("div", { class: "group" }, this.hand.root),
      make("div", { class: "group" }, this.voice.root),
      make("div", { class: "group last" }, this.doubts, this.panels),
    );
  }

  showState({ playing, rate, loop, voice }, { metronome, hand, doubts, panels, bars }) {
    this.play.replaceChildren(icon(playing ? "pause" : "play"));
    this.play.setAttribute("data-t-label", playing ? "stage.pause" : "stage.play");
    this.play.setAttribute("aria-label", t(playing ? "stage.pause" : "stage.play"));
    this.play.title = this.play.getAttribute("aria-label");
    this.speed.value = Math.round(100 * rate);
    this.speed.setAttribute("aria-valuetext", t("stage.percent", { n: Math.round(100 * rate) }));
    this.percent.textContent = t("stage.percent", { n: Math.round(100 * rate) });
    this.loop.setAttribute("aria-pressed", String(loop !== null));
    this.loop.querySelector(".detail")?.remove();
    if (bars) this.loop.append(make("span", { class: "detail" }, bars));
    this.metronome.setAttribute("aria-pressed", String(metronome));
    this.voice.set(voice);
    this.hand.set(hand);
    this.doubts.setAttribute("aria-expanded", String(doubts));
    this.panels.setAttribute("aria-pressed", String(panels));
  }

  showTime(at, duration, bar) {
    const text = `${minutes(Math.floor(at))} / ${minutes(duration)}`;
    const place = t("stage.bar", { n: bar });
    if (this.clock.textContent !== text) this.clock.textContent = text;
    if (this.bar.textContent !== place) this.bar.textContent = place;
  }
}

// Shows the name of every button that is only a drawing when the mouse rests on it.
export function showNames(root) {
  for (const one of root.querySelectorAll("button[aria-label]")) one.title = one.getAttribute("aria-label");
}

export function button(drawing, key, onclick, attributes = {}) {
  return make("button", { type: "button", class: "tool", ...attributes, "data-t-label": key, onclick }, icon(drawing));
}

// A few things of which one holds: [value, text key, drawing for narrow screens]...
function choice(key, options, onChoose) {
  const buttons = options.map(([value, text, drawing]) =>
    make(
      "button",
      { type: "button", "data-value": value, "data-t-label": text, "aria-pressed": "false", onclick: () => onChoose(value) },
      drawing,
      make("span", { "data-t": text }),
    ),
  );
  const root = make("div", { class: "choice", role: "group", "data-t-label": key }, ...buttons);
  const set = (value) => buttons.forEach((one) => one.setAttribute("aria-pressed", String(one.dataset.value === value)));
  return { root, set };
}
