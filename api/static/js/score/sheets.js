// The pages of the score, one under the other: drawn when they come near, dropped when they are far. A line stands at
// the moment that is played, the loop lies as a band over its bars; a click or a drag on the score is told as a bar or
// note.

import { make } from "../dom.js";
import { t } from "../texts.js";
import { takeFirst } from "./opening.js";
import { Sheet } from "./sheet.js";

const NEAR = "120% 0px"; // of the window: drawn before it is seen
const FAR = 3; // pages on either side that stay drawn once they were
const REACH_PX = 16; // a finger may miss a note by so much

export class Sheets {
  constructor(piece, marks) {
    this.piece = piece;
    this.marks = marks;
    this.root = make("div", { class: "sheets", tabindex: "0", role: "group", "data-t-label": "stage.score" });
    this.sheets = [];
    this.addresses = [];
    this.near = new Set();
    this.cursor = make("div", { class: "cursor", "aria-hidden": "true" });
    this.loop = null;
    this.watcher = new IntersectionObserver((entries) => this.#approach(entries), { rootMargin: NEAR });
  }

  // Shows these pages; those that were there stay until their successors are drawn.
  show(piece, addresses) {
    this.piece = piece;
    this.addresses = addresses;
    while (this.sheets.length > addresses.length) {
      const sheet = this.sheets.pop();
      this.watcher.unobserve(sheet.host);
      this.#drop(sheet);
      sheet.host.remove();
    }
    while (this.sheets.length < addresses.length) {
      const number = this.sheets.length + 1;
      const sheet = (number === 1 && takeFirst(addresses[0])) || new Sheet(number);
      sheet.onSize = () => this.root.dispatchEvent(new Event("resized"));
      this.sheets.push(sheet);
      this.root.append(sheet.host);
      this.watcher.observe(sheet.host);
    }
    this.#drawAll();
  }

  // Asks for the pages that are looked at, ahead of all that `show` must know.
  expect(addresses) {
    for (const sheet of this.sheets) if (addresses[sheet.number - 1] && isInSight(sheet)) sheet.expect(addresses[sheet.number - 1]);
  }

  // One after the other, those that are looked at first.
  async #drawAll() {
    const { addresses } = this;
    const waiting = this.sheets.filter((sheet) => sheet.address || this.near.has(sheet));
    const inSight = waiting.filter(isInSight);
    for (const sheet of [...inSight, ...waiting.filter((sheet) => !inSight.includes(sheet))]) {
      if (this.addresses !== addresses) return;
      await this.draw(sheet, true);
    }
  }

  async draw(sheet, again = false) {
    const address = this.addresses[sheet.number - 1];
    if (!address || (sheet.address && !again)) return;
    try {
      if (!(await sheet.draw(address, sheet.number === this.addresses.length))) return;
    } catch {
      if (!sheet.drawn) sheet.fail(t("stage.page-failed", { n: sheet.number }));
      return;
    }
    this.marks.dress(sheet);
    this.#bandOn(sheet);
    this.root.dispatchEvent(new CustomEvent("drawn", { detail: sheet.number }));
  }

  pageOf(measureIndex) {
    return this.sheets[this.piece.measures[measureIndex]?.page - 1];
  }

  // The sheet of a bar and where the bar lies on it; null while it is not drawn. Asks for it and the next one.
  place(measureIndex) {
    const sheet = this.pageOf(measureIndex);
    if (!sheet) return null;
    this.draw(sheet);
    const following = this.sheets[sheet.number];
    if (following) this.draw(following);
    const bar = sheet.geometry?.bars.get(this.piece.measures[measureIndex].id);
    return bar && sheet.drawn ? { sheet, bar } : null;
  }

  // Puts the line where this moment is written.
  pointTo(at, measureIndex) {
    const place = this.place(measureIndex);
    this.cursor.hidden = place === null;
    if (!place) return;
    const { sheet, bar } = place;
    const x = this.#across(sheet, bar, at, measureIndex);
    const top = sheet.seen({ x, y: bar.top - 1.2 * sheet.geometry.staffHeight });
    const end = sheet.seen({ x, y: bar.bottom + 1.2 * sheet.geometry.staffHeight });
    if (this.cursor.parentNode !== sheet.tree) sheet.tree.append(this.cursor);
    const { width, height } = sheet.size;
    this.cursor.style.height = `${(end.y - top.y) * height}px`;
    this.cursor.style.transform = `translate(${top.x * width}px, ${top.y * height}px)`;
  }

  // Between the written notes of the bar by when they were played.
  #across(sheet, bar, at, measureIndex) {
    const measure = this.piece.measures[measureIndex];
    if (this.cursor.measure !== measure || this.cursor.geometry !== sheet.geometry) {
      this.cursor.measure = measure;
      this.cursor.geometry = sheet.geometry;
      this.cursor.points = this.#points(sheet, bar, measure);
    }
    const points = this.cursor.points;
    const next = points.findIndex((point) => point.at > at);
    if (next < 0) return points.at(-1).x;
    if (next === 0) return points[0].x;
    const [from, to] = [points[next - 1], points[next]];
    return from.x + ((at - from.at) / (to.at - from.at)) * (to.x - from.x);
  }

  #points(sheet, bar, measure) {
    const heads = this.piece.heads.filter((head) => head.measure === measure.id && sheet.geometry.heads.has(head.id));
    const found = heads.map((head) => ({ at: head.onset_s, x: sheet.geometry.heads.get(head.id).x }));
    const points = [];
    for (const point of [...found.sort((a, b) => a.x - b.x), { at: measure.end_s, x: bar.right }]) {
      const last = points.at(-1);
      if (!last || (point.at > last.at + 0.01 && point.x > last.x)) points.push(point);
    }
    if (points[0].at > measure.start_s + 0.05) points.unshift({ at: measure.start_s, x: bar.left });
    return points;
  }

  setLoop(span) {
    this.loop = span;
    for (const sheet of this.sheets) if (sheet.drawn) this.#bandOn(sheet);
  }

  #bandOn(sheet) {
    sheet.tree.querySelectorAll(".band").forEach((band) => band.remove());
    if (!this.loop) return;
    const bySystem = new Map();
    for (let index = this.loop.first; index <= this.loop.last; index += 1) {
      const bar = sheet.geometry.bars.get(this.piece.measures[index]?.id);
      if (!bar) continue;
      const box = bySystem.get(bar.system);
      if (box) box.right = bar.right;
      else bySystem.set(bar.system, { ...bar });
    }
    for (const box of bySystem.values()) {
      const from = sheet.seen({ x: box.left, y: box.top - sheet.geometry.staffHeight });
      const to = sheet.seen({ x: box.right, y: box.bottom + sheet.geometry.staffHeight });
      const band = make("div", { class: "band" });
      Object.assign(band.style, {
        left: `${100 * from.x}%`,
        top: `${100 * from.y}%`,
        width: `${100 * (to.x - from.x)}%`,
        height: `${100 * (to.y - from.y)}%`,
      });
      sheet.tree.append(band);
    }
  }

  // What lies at a point of the window: {measure: index, head: id or null}, or null outside the music.
  at(clientX, clientY) {
    const sheet = this.sheets.find((candidate) => {
      const box = candidate.host.getBoundingClientRect();
      return candidate.drawn && clientY >= box.top && clientY < box.bottom;
    });
    if (!sheet) return null;
    const point = sheet.pointAt(clientX, clientY);
    const measure = this.#nearestBar(sheet, point);
    if (measure === undefined) return null;
    return { measure, head: this.#nearestHead(sheet, point) };
  }

  #nearestBar(sheet, point) {
    let [best, least] = [undefined, Infinity];
    for (const [id, bar] of sheet.geometry.bars) {
      const aside = Math.max(bar.left - point.x, 0, point.x - bar.right);
      const away = Math.max(bar.top - point.y, 0, point.y - bar.bottom);
      const distance = aside + 3 * away; // rather a bar of this system than of the next one
      if (distance < least) [best, least] = [this.piece.measureIndex.get(id), distance];
    }
    return best;
  }

  #nearestHead(sheet, point) {
    let [best, least] = [null, REACH_PX];
    for (const [id, place] of sheet.geometry.heads) {
      if (!this.piece.headsById.has(id)) continue;
      const aside = (place.x - point.x) * point.pixels;
      const away = (place.y - point.y) * point.pixels * (297 / 210);
      const distance = Math.hypot(aside, away);
      if (distance < least) [best, least] = [id, distance];
    }
    return best;
  }

  #approach(entries) {
    for (const { target, isIntersecting } of entries) {
      const sheet = this.sheets.find((candidate) => candidate.host === target);
      if (!sheet) continue;
      if (isIntersecting) {
        this.near.add(sheet);
        this.draw(sheet);
      } else this.near.delete(sheet);
    }
    this.#dropFar();
  }

  #dropFar() {
    const numbers = [...this.near].map((sheet) => sheet.number);
    if (numbers.length === 0) return;
    const [first, last] = [Math.min(...numbers) - FAR, Math.max(...numbers) + FAR];
    const played = this.cursor.getRootNode().host;
    for (const sheet of this.sheets) {
      if (sheet.drawn && (sheet.number < first || sheet.number > last) && sheet.host !== played) this.#drop(sheet);
    }
  }

  #drop(sheet) {
    this.near.delete(sheet);
    this.marks.undress(sheet);
    sheet.clear();
  }

  destroy() {
    this.watcher.disconnect();
    this.sheets.forEach((sheet) => sheet.clear());
    this.root.remove();
  }
}

function isInSight(sheet) {
  const { top, bottom } = sheet.host.getBoundingClientRect();
  return bottom > 0 && top < window.innerHeight;
}
