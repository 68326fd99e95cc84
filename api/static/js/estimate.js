// How long a stage will still take, from the shares of it that were reported.

const LEAST_S = 2; // before that the first shares say little: models are loaded, files are opened
const LEAST_SHARE = 0.03;

// Remembers shares of the present stage; times are seconds of any clock.
export class Estimate {
  constructor() {
    this.stage = null;
    this.first = null;
  }

  // Seconds until the stage is done, or null while nobody can tell.
  left(stage, share, time) {
    if (stage !== this.stage || share < this.first.share) {
      this.stage = stage;
      this.first = { share, time };
    }
    const done = share - this.first.share;
    const passed = time - this.first.time;
    if (share >= 1 || done < LEAST_SHARE || passed < LEAST_S) return null;
    return (passed * (1 - share)) / done;
  }
}

// 7 -> 7 s, 23 -> 25 s, 95 -> 2 minutes: {unit: "seconds" | "minutes", n}, never more exact than it can be.
export function rounded(seconds) {
  if (seconds < 10) return { unit: "seconds", n: Math.max(1, Math.ceil(seconds)) };
  if (seconds < 55) return { unit: "seconds", n: 5 * Math.ceil(seconds / 5) };
  return { unit: "minutes", n: Math.max(1, Math.round(seconds / 60)) };
}
