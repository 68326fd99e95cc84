// The page has three views: home, one transcription at #<id>, and one that somebody shared at #shared/<token>.

import { setUpConnection } from "./connection.js";
import { make, part } from "./dom.js";
import { Library } from "./library.js";
import { remember } from "./recent.js";
import { setUpShortcuts } from "./shortcuts.js";
import { currentLanguage, keepLanguage, LANGUAGES, preferredLanguage, setLanguage, t } from "./texts.js";
import { setUpTheme } from "./theme.js";
import { setUpUpload } from "./upload.js";

const SHARED = "shared/";

const library = new Library();
let view = null; // of a transcription: loaded when the first one is opened

const placeNow = () => decodeURIComponent(location.hash.slice(1));

async function route() {
  const place = placeNow();
  const atHome = place === "";
  document.documentElement.dataset.view = atHome ? "home" : "job";
  if (atHome) {
    view?.close();
    document.title = t("page.name");
    library.open();
    return;
  }
  library.close();
  try {
    view ??= new (await import("./job.js")).JobView();
  } catch {
    part("job-problem").textContent = t("problem.away");
    part("job-problem").hidden = false;
    return;
  }
  if (placeNow() !== place) return;
  if (place.startsWith(SHARED)) view.openShared(place.slice(SHARED.length));
  else view.openOwn(place);
  part("job-name").focus();
}

async function setUpLanguage(select) {
  select.append(...Object.entries(LANGUAGES).map(([code, { name }]) => make("option", { value: code, lang: code }, name)));
  select.addEventListener("change", async () => {
    try {
      await setLanguage(select.value);
      keepLanguage(select.value);
    } catch {
      select.value = currentLanguage(); // its words could not be loaded
    }
  });
  await setLanguage(preferredLanguage()).catch(() => {});
  select.value = currentLanguage();
}

await setUpLanguage(part("language"));
setUpTheme(part("theme"));
setUpConnection(part("offline"));
setUpShortcuts(() => view);
setUpUpload((accepted) => {
  remember(accepted);
  location.hash = accepted.id;
});
window.addEventListener("hashchange", route);
route();
