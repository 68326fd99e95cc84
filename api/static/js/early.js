// Before anything is painted: which view the address asks for, and the theme that was chosen here, so that the page does
// not change its look; and for who is quicker than the modules the way past the head, and that a microphone was wanted.
// A plain script within the page, because modules run only after the first paint.
//
// It also asks for all that the view will need at once: its modules, and of a transcription its state, from that its
// first page, which is drawn before the rest of the player is there, and its timing.
{
  const AT_ONCE = 8; // modules announced in one task; all of them would hold up the first paint
  const root = document.documentElement;
  const place = location.hash.slice(1);
  const view = place === "" ? "home" : "job";
  root.dataset.view = view;
  try {
    const theme = localStorage.getItem("theme");
    if (theme === "light" || theme === "dark") root.dataset.theme = theme;
  } catch {
    // without storage the system decides
  }
  document.addEventListener("click", (event) => {
    if (event.target.closest?.("#record-open")) root.dataset.wanted = "microphone"; // recorder.js looks at it once
    if (!event.target.closest?.(".skip")) return;
    event.preventDefault(); // the address names the view
    document.getElementById("main").focus();
  });

  const announce = (rel, href, more) =>
    document.head.append(Object.assign(document.createElement("link"), { rel, href, ...more }));
  const LATER = { fetchPriority: "low" }; // than the first page; modules that run ask for each other by themselves
  const FETCHED = { as: "fetch", crossOrigin: "anonymous" };

  const ask = async (address) => {
    try {
      const answer = await fetch(address);
      return answer.ok ? await answer.json() : null;
    } catch {
      return null; // the page asks again, and says what is wrong
    }
  };

  const isStillThere = () => location.hash.slice(1) === place;

  const expectScore = (job, folder) => {
    if (job?.state !== "done" || !isStillThere()) return;
    const { pages, sync, notes } = job.links;
    announce("preload", pages[0], FETCHED);
    for (const file of [sync, notes]) if (file) announce("preload", file, { ...FETCHED, ...LATER });
    import(`${folder}score/opening.js`)
      .then(({ open }) => isStillThere() && open(pages[0], pages.length === 1))
      .catch(() => {});
  };

  const { root: folder, [view]: modules } = JSON.parse(document.getElementById("modules").textContent);
  if (view === "job") {
    const [, shared, id] = /^(shared\/)?(.*)$/.exec(place);
    const address = `/v1/${shared ? "shared" : "transcriptions"}/${id}`;
    window.early = { address, job: ask(address) };
    window.early.job.then((job) => expectScore(job, folder));
  }
  // In a moment, so that the style sheets go first.
  let announced = 0;
  const announceSome = () => {
    if (announced === 0 && view === "job") announce("stylesheet", `${folder}../css/score.css`);
    const end = announced + AT_ONCE;
    for (const name of modules.slice(announced, end)) announce("modulepreload", folder + name, LATER);
    announced = end;
    if (announced < modules.length) setTimeout(announceSome);
  };
  setTimeout(announceSome);
}
