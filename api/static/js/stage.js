// The place of the score: the player's stage, loaded when a score is first opened, or the plain pages where it cannot be.

import { part } from "./dom.js";

const STYLE = new URL("../css/score.css", import.meta.url).href;

function loadStyle() {
  if ([...document.querySelectorAll("link")].some((link) => link.href === STYLE)) return;
  document.head.append(Object.assign(document.createElement("link"), { rel: "stylesheet", href: STYLE }));
}

export class StagePlace {
  // on: {select, add}: what is done in the score.
  constructor(on) {
    this.on = on;
    this.stage = null;
    this.mounting = null;
  }

  // Resolves to whether the player is there.
  async show(job) {
    this.job = job;
    if (this.stage) {
      this.stage.update(job);
      return true;
    }
    this.mounting ??= this.mount();
    return this.mounting;
  }

  async mount() {
    const { id } = this.job;
    let player;
    try {
      loadStyle();
      player = await import("./score/stage.js");
    } catch {
      return false; // no connection, or a browser too old for it
    }
    if (this.job?.id !== id) return true; // closed meanwhile
    this.stage = player.mountStage(part("stage"), this.job);
    for (const [kind, listener] of Object.entries(this.on)) this.stage.on(kind, listener);
    this.stage.actions?.append(part("note"));
    return true;
  }

  select(source) {
    this.stage?.select(source);
  }

  close() {
    part("stage").before(part("note")); // it outlives the stage
    this.stage?.destroy();
    this.stage = null;
    this.mounting = null;
    this.job = null;
    part("stage").replaceChildren();
  }
}
