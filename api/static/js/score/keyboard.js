// The piano's keys under the score: those that are down are lit in the colour of their hand. A press sounds a key.

import { Canvas } from "./canvas.js";

const BLACK = new Set([1, 3, 6, 8, 10]);
const isBlack = (pitch) => BLACK.has(pitch % 12);
const NARROWEST_KEY_PX = 11; // a phone shows the keys that the piece uses

export class Keyboard {
  constructor(clock, piece, { onKey }) {
    this.clock = clock;
    this.piece = piece;
    this.resting = null;
    this.keys = [];
    this.canvas = new Canvas("keyboard", { role: "img", "data-t-label": "stage.keyboard" }, (...args) => this.#paint(...args));
    this.element = this.canvas.element;
    this.element.addEventListener("pointerdown", (event) => {
      const pitch = this.#pitchAt(event);
      if (pitch !== null) onKey(pitch);
    });
  }

  setPiece(piece) {
    this.piece = piece;
    this.canvas.stale = true;
    this.draw();
  }

  setResting(hand) {
    this.resting = hand;
    this.draw();
  }

  draw() {
    this.canvas.draw();
  }

  destroy() {
    this.canvas.destroy();
  }

  #paint(context, width, height, colours) {
    if (this.canvas.stale) {
      this.keys = layOut(this.piece, width, height);
      this.canvas.stale = false;
      this.shown = null;
    }
    const down = new Map();
    for (const note of this.piece.notesAt(this.clock.time)) if (note.hand !== this.resting) down.set(note.pitch, note.hand);
    const now = JSON.stringify([...down]);
    if (now === this.shown) return;
    this.shown = now;
    context.clearRect(0, 0, width, height);
    for (const black of [false, true]) {
      for (const key of this.keys) if (key.black === black) paintKey(context, key, down.get(key.pitch), colours);
    }
  }

  #pitchAt(event) {
    const box = this.element.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    const hit = (key) => x >= key.x && x < key.x + key.width && y < key.height;
    return (this.keys.find((key) => key.black && hit(key)) ?? this.keys.find(hit))?.pitch ?? null;
  }
}

function paintKey(context, { x, width, height, black, pitch }, hand, colours) {
  context.beginPath();
  context.roundRect(x + 0.5, -3, width - 1, height + 2, 3);
  context.fillStyle = hand ? colours[hand] : black ? colours.keyBlack : colours.keyWhite;
  context.fill();
  context.strokeStyle = colours.line;
  if (!black) context.stroke();
  if (pitch === 60 && !hand) {
    context.fillStyle = colours.soft;
    context.beginPath();
    context.arc(x + width / 2, height - 7, 2, 0, 7);
    context.fill();
  }
}

// All 88 keys where they fit, else from a C below the piece's lowest note to a B above its highest.
function layOut({ lowest, highest }, width, height) {
  let [from, to] = [21, 108];
  if (width / 52 < NARROWEST_KEY_PX) [from, to] = [Math.max(21, lowest - (lowest % 12)), Math.min(108, highest + 11 - (highest % 12))];
  const whites = [];
  for (let pitch = from; pitch <= to; pitch += 1) if (!isBlack(pitch)) whites.push(pitch);
  const keyWidth = width / whites.length;
  const keys = whites.map((pitch, place) => ({ pitch, black: false, x: place * keyWidth, width: keyWidth, height }));
  for (let pitch = from + 1; pitch < to; pitch += 1) {
    if (!isBlack(pitch)) continue;
    const x = (whites.indexOf(pitch - 1) + 1) * keyWidth - 0.3 * keyWidth;
    keys.push({ pitch, black: true, x, width: 0.6 * keyWidth, height: 0.62 * height });
  }
  return keys;
}
