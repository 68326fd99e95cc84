// One page of the score: drawn inline in a shadow tree of its own, because the pages repeat each other's ids. Its
// margins are cut, so that the music is as large as the screen allows.

import { make } from "../dom.js";
import { readDrawing } from "./drawing.js";
import { pageGeometry } from "./geometry.js";
import { drawGlyphs, readGlyphs } from "./glyphs.js";
import { markStyles } from "./marks.js";

const [CUT_SIDE, CUT_TOP, CUT_BOTTOM] = [0.034, 0.022, 0.03]; // of the page's width and height; its margins are wider
const A4 = 297 / 210;
const UNDER_LAST = 3; // staff heights left free under the last system

// The work of a page is done in pieces, so that playing goes on between them.
const breathe = () => globalThis.scheduler?.yield?.() ?? new Promise((resolve) => setTimeout(resolve));

export class Sheet {
  constructor(number) {
    this.number = number;
    this.host = make("div", { class: "sheet" });
    this.tree = this.host.attachShadow({ mode: "open" });
    this.address = null;
    this.coming = { address: null, text: null };
    this.geometry = null;
    this.svg = null;
    this.size = { width: 0, height: 0 }; // pixels
    this.onSize = () => {};
    this.sizes = new ResizeObserver(([entry]) => {
      this.size = entry.contentRect;
      this.onSize();
    });
    this.sizes.observe(this.host);
    this.#shape({ left: CUT_SIDE, top: CUT_TOP, width: 1 - 2 * CUT_SIDE, height: 1 - CUT_TOP - CUT_BOTTOM });
  }

  // Asks for a page ahead of its drawing.
  expect(address) {
    if (this.coming.address === address) return;
    this.coming = { address, text: textOf(address, this.number) };
    this.coming.text.catch(() => {}); // whoever draws it hears of that
  }

  // Draws the page of this address, once; an older page stays until the new one is ready. Resolves to false where it was
  // overtaken meanwhile.
  draw(address, isLast) {
    if (this.address !== address) {
      this.address = address;
      this.drawing = this.#draw(address, isLast).catch((error) => {
        if (this.address === address) this.address = null; // the next attempt asks again
        throw error;
      });
    }
    return this.drawing;
  }

  async #draw(address, isLast) {
    this.expect(address);
    const coming = this.coming;
    this.coming = { address: null, text: null };
    const text = await coming.text;
    await breathe();
    const { svg, sheet } = readDrawing(text);
    await breathe();
    const geometry = pageGeometry(svg);
    const glyphs = readGlyphs(svg);
    const view = viewOf(geometry, isLast);
    look(svg, view);
    await breathe();
    if (this.address !== address) return false;
    this.tree.adoptedStyleSheets = [sheet, markStyles];
    const drawn = await this.#grow(svg, glyphs, () => this.address === address);
    if (!drawn) return false;
    this.#shape(view);
    this.geometry = geometry;
    this.svg?.remove();
    this.svg = drawn;
    drawn.removeAttribute("style");
    this.tree.querySelectorAll(".missing").forEach((words) => words.remove());
    return true;
  }

  get drawn() {
    return this.svg !== null;
  }

  // Says in the page's place why it is not there; the next attempt draws it.
  fail(words) {
    this.address = null;
    this.tree.adoptedStyleSheets = [markStyles];
    this.tree.replaceChildren(make("p", { class: "missing", role: "alert" }, words));
  }

  clear() {
    this.address = null;
    this.svg = null;
    this.geometry = null;
    this.tree.replaceChildren();
  }

  note(id) {
    return this.svg && this.tree.getElementById(id);
  }

  // Fractions of the page -> fractions of what is seen of it.
  seen({ x, y }) {
    return { x: (x - this.view.left) / this.view.width, y: (y - this.view.top) / this.view.height };
  }

  // A point of the window in pixels -> fractions of the page, and the width of the whole page in pixels.
  pointAt(clientX, clientY) {
    const box = this.host.getBoundingClientRect();
    return {
      x: this.view.left + ((clientX - box.left) / box.width) * this.view.width,
      y: this.view.top + ((clientY - box.top) / box.height) * this.view.height,
      pixels: box.width / this.view.width,
    };
  }

  // The drawing, put in unseen, system after system, each in a task of its own; null where it is no longer wanted.
  async #grow(svg, glyphs, wanted) {
    const systems = [...svg.querySelectorAll("g.system")];
    for (const system of systems) system.replaceWith(svg.ownerDocument.createComment(""));
    const drawn = document.importNode(svg, true);
    const places = commentsOf(drawn);
    // Laid out piece by piece, and not seen before it is whole where another drawing still stands in its place.
    if (this.svg) Object.assign(drawn.style, { position: "absolute", inset: 0, opacity: 0, pointerEvents: "none" });
    this.tree.append(drawn);
    for (const [index, system] of systems.entries()) {
      await breathe();
      if (!wanted()) {
        drawn.remove();
        return null;
      }
      drawGlyphs(system, glyphs);
      places[index].replaceWith(document.importNode(system, true));
    }
    return drawn;
  }

  #shape(view) {
    this.view = view;
    this.host.style.aspectRatio = `${view.width} / ${view.height * A4}`;
  }
}

async function textOf(address, number) {
  const response = await fetch(address);
  if (!response.ok) throw new Error(`Page ${number} did not come (${response.status}).`);
  return response.text();
}

// What is seen of a page, in fractions of it: all but the outer margins, and nothing of the empty end of the last one.
function viewOf(geometry, isLast) {
  const last = geometry.systems.at(-1);
  const end = isLast && last ? last.bottom + UNDER_LAST * geometry.staffHeight : 1;
  const bottom = Math.min(1 - CUT_BOTTOM, end);
  return { left: CUT_SIDE, top: CUT_TOP, width: 1 - 2 * CUT_SIDE, height: bottom - CUT_TOP };
}

function look(svg, { left, top, width, height }) {
  const [x, y, wide, high] = svg.getAttribute("viewBox").split(/\s+/).map(Number);
  svg.setAttribute("viewBox", [x + left * wide, y + top * high, width * wide, height * high].join(" "));
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("focusable", "false");
}

function commentsOf(root) {
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_COMMENT);
  const found = [];
  while (walker.nextNode()) found.push(walker.currentNode);
  return found.filter((comment) => comment.data === "");
}
