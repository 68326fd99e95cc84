// The page has three views: home, one transcription at #<id>, and one that somebody shared at #shared/<token>.

import { setUpConnection } from "./connection.js";
import { make, part } from "./dom.js";
import { setUpShortcuts } from "./shortcuts.js";
import { currentLanguage, keepLanguage, LANGUAGES, preferredLanguage, setLanguage, t } from "./texts.js";
import { setUpTheme } from "./theme.js";

const SHARED = "shared/";

// Each view is loaded when it is first opened.
const views = {
  home: { load: () => import("./home.js").then(({ Home }) => new Home()), problem: "upload-problem", loading: null, now: null },
  job: { load: () => import("./job.js").then(({ JobView }) => new JobView()), problem: "job-problem", loading: null, now: null },
};

const placeNow = () => decodeURIComponent(location.hash.slice(1));

async function load(name) {
  const view = views[name];
  view.loading ??= view.load();
  try {
    view.now = await view.loading;
  } finally {
    if (!view.now) view.loading = null; // the next visit tries again
  }
  return view.now;
}

async function route() {
  const place = placeNow();
  const [name, other] = place === "" ? ["home", "job"] : ["job", "home"];
  document.documentElement.dataset.view = name;
  views[other].now?.close();
  if (name === "home") part("stage").replaceChildren(); // a first page that came before its view
  let view;
  try {
    view = await load(name);
  } catch {
    const { problem } = views[name];
    part(problem).textContent = t("problem.away");
    part(problem).hidden = false;
    return;
  }
  if (placeNow() !== place) return;
  if (name === "home") {
    document.title = t("page.name");
    view.open();
    return;
  }
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
setUpShortcuts(() => views.job.now);
window.addEventListener("hashchange", route);
route();
// The way home works without a connection, too, and a file that is dropped beside the score does not replace the page.
const whenIdle = window.requestIdleCallback ?? setTimeout;
const prepareHome = () => whenIdle(() => load("home").catch(() => {}));
if (document.readyState === "complete") prepareHome();
else window.addEventListener("load", prepareHome);
