// The level of the microphone, written on a staff as it comes in: the louder, the taller the stroke. The upper line is
// the level to reach, the space above it is too loud.

const STROKE = 3; // pixels of each stroke
const GAP = 2;
const STEP_MS = 50; // a stroke for each: a screen's width holds about twelve seconds
const QUIETEST_DB = -60;
const TARGET_DB = -9; // of the upper line
const LOUD_DB = -1; // clipping is near
const QUIET_DB = -35; // peaks below it drown in the room's noise
const LINES = 5;

export const inDecibels = (value) => (value > 0 ? 20 * Math.log10(value) : -Infinity);

// The loudest of the last seconds, as one of "quiet", "good" and "loud".
export function judgement(peak_db) {
  if (peak_db >= LOUD_DB) return "loud";
  return peak_db < QUIET_DB ? "quiet" : "good";
}

export class LevelStaff {
  constructor(canvas) {
    this.canvas = canvas;
    this.peaks = [];
    this.since = 0;
    this.loudest = 0;
  }

  add(peak, time_ms) {
    this.loudest = Math.max(this.loudest, peak);
    if (time_ms - this.since < STEP_MS) return;
    this.since = time_ms;
    this.peaks.push(this.loudest);
    this.loudest = 0;
    if (this.peaks.length > 2000) this.peaks.splice(0, 1000);
    this.draw();
  }

  draw() {
    const scale = window.devicePixelRatio;
    const width = this.canvas.clientWidth;
    const height = this.canvas.clientHeight;
    if (this.canvas.width !== Math.round(width * scale)) {
      this.canvas.width = Math.round(width * scale);
      this.canvas.height = Math.round(height * scale);
    }
    const colour = getComputedStyle(this.canvas);
    const pen = this.canvas.getContext("2d");
    pen.setTransform(scale, 0, 0, scale, 0, 0);
    pen.clearRect(0, 0, width, height);
    const above = (db) => height * (1 - (Math.max(db, QUIETEST_DB) - QUIETEST_DB) / -QUIETEST_DB);
    pen.fillStyle = colour.getPropertyValue("--line");
    for (let line = 0; line < LINES; line += 1) {
      pen.fillRect(0, above(TARGET_DB + (line * (QUIETEST_DB - TARGET_DB)) / LINES), width, 1);
    }
    const room = Math.floor(width / (STROKE + GAP));
    const shown = this.peaks.slice(-room);
    const [good, loud] = [colour.getPropertyValue("--accent"), colour.getPropertyValue("--bad")];
    shown.forEach((peak, place) => {
      const db = inDecibels(peak);
      const top = above(db);
      pen.fillStyle = db >= LOUD_DB ? loud : good;
      pen.fillRect(place * (STROKE + GAP), top, STROKE, Math.max(1, height - top));
    });
  }
}
