// The learner's own recording as one of the clock's voices: an audio element whose pitch stays while its speed changes.

const STALE_MS = 80; // some browsers move currentTime in steps; between them it is carried on for so long

export class Recording {
  constructor(address, { onEnd, onFail }) {
    this.audio = new Audio();
    this.audio.preload = "auto";
    this.audio.preservesPitch = true;
    this.audio.src = address;
    this.read = { at: 0, when: 0 };
    this.audio.addEventListener("ended", onEnd);
    this.audio.addEventListener("error", onFail);
  }

  get time() {
    const at = this.audio.currentTime;
    const now = performance.now();
    if (at !== this.read.at || this.audio.paused || this.audio.seeking) {
      this.read = { at, when: now };
      return at;
    }
    const since = now - this.read.when;
    return since < STALE_MS ? at + (since / 1000) * this.audio.playbackRate : at;
  }

  seek(at) {
    this.audio.currentTime = at;
  }

  setRate(rate) {
    this.audio.defaultPlaybackRate = rate;
    this.audio.playbackRate = rate;
  }

  async play() {
    try {
      await this.audio.play();
    } catch (error) {
      // A pause that comes before the sound has begun is no failure.
      if (error.name !== "AbortError") throw error;
    }
  }

  pause() {
    this.audio.pause();
  }

  destroy() {
    this.audio.pause();
    this.audio.removeAttribute("src");
    this.audio.load();
  }
}
