// An address that opens the score to read and to play, and nothing else; it can be taken back.

import { shareJob, unshareJob } from "./api.js";
import { part } from "./dom.js";
import { t } from "./texts.js";

export class Share {
  constructor(onChanged) {
    this.onChanged = onChanged;
    part("share-make").addEventListener("click", () => this.attempt(() => this.start()));
    part("share-stop").addEventListener("click", () => this.attempt(() => this.stop()));
    part("share-copy").addEventListener("click", () => this.copy());
  }

  open(job) {
    this.job = job;
    this.show(null);
    part("share-status").textContent = "";
    part("share-dialog").showModal();
    if (job.shared) this.attempt(() => this.start()); // sharing again tells the same address
  }

  show(address) {
    part("share-none").hidden = address !== null;
    part("share-there").hidden = address === null;
    part("share-address").value = address === null ? "" : new URL(address, location.href).href;
  }

  async attempt(change) {
    part("share-status").textContent = "";
    try {
      await change();
    } catch (error) {
      if (error.status === undefined) throw error;
      part("share-status").textContent = error.message;
    }
  }

  async start() {
    const { address } = await shareJob(this.job.id);
    this.show(address);
    part("share-copy").focus();
    this.onChanged(true);
  }

  async stop() {
    await unshareJob(this.job.id);
    this.show(null);
    part("share-status").textContent = t("share.stopped");
    part("share-make").focus();
    this.onChanged(false);
  }

  async copy() {
    part("share-address").select();
    try {
      await navigator.clipboard.writeText(part("share-address").value);
      part("share-status").textContent = t("share.copied");
    } catch {
      part("share-status").textContent = t("share.copy-yourself"); // not allowed here; it is selected
    }
  }
}
