// The page has two views: home, and one transcription at #<id>, so that it can be kept and shared as an address.

import { JobView } from "./job.js";
import { remember, showRecent } from "./recent.js";
import { setUpUpload } from "./upload.js";

const home = document.getElementById("home");
const job = document.getElementById("job");
const view = new JobView();

function route() {
  const id = decodeURIComponent(location.hash.slice(1));
  home.hidden = id !== "";
  job.hidden = id === "";
  if (id) {
    view.open(id);
    document.getElementById("job-name").focus();
  } else {
    view.close();
    document.title = "Transcriber";
    showRecent(document.getElementById("recent"), document.getElementById("recent-list"));
  }
}

setUpUpload((accepted) => {
  remember(accepted);
  location.hash = accepted.id;
});
window.addEventListener("hashchange", route);
route();
