// The three stages while a recording is worked on, and how long it will still take.

import { part } from "./dom.js";
import { Estimate, rounded } from "./estimate.js";
import { t } from "./texts.js";

const STAGES = ["listen", "notate", "engrave"];
const DOING = { listen: "job.listening", notate: "job.writing", engrave: "job.engraving" };

export class Stages {
  constructor() {
    this.reset();
  }

  reset() {
    this.estimate = new Estimate();
    this.said = null;
  }

  show(job) {
    const runs = job.state === "queued" || job.state === "running";
    part("progress").hidden = !runs;
    part("time-left").textContent = job.state === "running" ? this.timeLeft(job) : "";
    this.say(statusOf(job));
    if (!runs) return;
    const current = STAGES.indexOf(job.stage);
    for (const item of part("stages").children) {
      const place = STAGES.indexOf(item.dataset.stage);
      const now = place === current && job.state === "running";
      item.className = place < current ? "past" : now ? "now" : "";
      if (now) item.setAttribute("aria-current", "step");
      else item.removeAttribute("aria-current");
      // A stage that tells no share still shows that it has begun.
      const share = place < current ? 1 : now ? Math.max(job.progress, 0.08) : 0;
      item.style.setProperty("--done", `${100 * share}%`);
    }
  }

  // A screen reader hears each stage once, not every percent of it.
  say(status) {
    if (status === this.said) return;
    this.said = status;
    part("job-status").textContent = status;
  }

  timeLeft(job) {
    const left = this.estimate.left(job.stage, job.progress, performance.now() / 1000);
    const parts = job.progress > 0 && job.progress < 1 ? [t("job.percent", { n: Math.round(100 * job.progress) })] : [];
    if (left !== null) {
      const { unit, n } = rounded(left);
      parts.push(t(`job.${unit}-left`, { n }));
    }
    return parts.join(" · ");
  }
}

function statusOf(job) {
  if (job.state === "queued") return t(job.stage === "listen" ? "job.waiting" : "job.heard");
  if (job.state === "running") return `${t(DOING[job.stage])} …`;
  return job.state === "done" ? t("job.done", { n: job.links.pages.length }) : "";
}
