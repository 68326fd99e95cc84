// A canvas that is as sharp as the screen and knows the colours of the page. Who draws on it says how in `paint`.

import { make } from "../dom.js";
import { coloursOf, onTheme } from "./drawn.js";

const COLOURS = ["card", "paper", "ink", "soft", "line", "accent", "right", "left", "right-soft", "left-soft", "loop", "doubt", "wave", "key-white", "key-black"];
const SHARPEST = 2; // device pixels a pixel; beyond that nobody sees it, and phones pay for it

export class Canvas {
  constructor(name, attributes, paint) {
    this.element = make("canvas", { class: `canvas ${name}`, ...attributes });
    this.context = this.element.getContext("2d");
    this.paint = paint;
    this.width = 0;
    this.height = 0;
    this.sizes = new ResizeObserver(([entry]) => this.#resize(entry.contentRect));
    this.sizes.observe(this.element);
    this.endTheme = onTheme(() => this.#recolour());
  }

  // Draws now; nothing happens while the canvas has no size.
  draw() {
    if (this.width > 0 && this.height > 0 && this.colours) this.paint(this.context, this.width, this.height, this.colours);
  }

  get hidden() {
    return this.width === 0;
  }

  #resize({ width, height }) {
    const sharpness = Math.min(devicePixelRatio || 1, SHARPEST);
    [this.width, this.height] = [width, height];
    this.element.width = Math.round(width * sharpness);
    this.element.height = Math.round(height * sharpness);
    this.context.setTransform(sharpness, 0, 0, sharpness, 0, 0);
    this.sharpness = sharpness;
    this.#recolour();
  }

  #recolour() {
    this.colours = coloursOf(this.element, COLOURS);
    this.stale = true;
    this.draw();
  }

  destroy() {
    this.sizes.disconnect();
    this.endTheme();
    this.element.remove();
  }
}
