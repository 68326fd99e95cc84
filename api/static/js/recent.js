// What was uploaded from this browser: kept here and nowhere else, newest first.

const KEY = "transcriptions";
const MOST = 50;

export function remembered() {
  try {
    const kept = JSON.parse(localStorage.getItem(KEY) ?? "[]");
    return Array.isArray(kept) ? kept : [];
  } catch {
    return []; // private windows may refuse storage, and somebody may have edited it
  }
}

function keep(jobs) {
  try {
    localStorage.setItem(KEY, JSON.stringify(jobs.slice(0, MOST)));
  } catch {
    // without storage the list ends with the page
  }
}

export function remember(job) {
  const name = job.title || job.file_name;
  keep([{ id: job.id, name, at: job.created_at }, ...remembered().filter((other) => other.id !== job.id)]);
}

export function forget(id) {
  keep(remembered().filter((job) => job.id !== id));
}

export function showRecent(section, list) {
  const when = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
  const jobs = remembered();
  section.hidden = jobs.length === 0;
  list.replaceChildren(
    ...jobs.map((job) => {
      const item = document.createElement("li");
      const link = Object.assign(document.createElement("a"), { href: `#${job.id}` });
      const name = Object.assign(document.createElement("span"), { className: "name", textContent: job.name });
      const time = Object.assign(document.createElement("span"), { className: "when" });
      time.textContent = when.format(new Date(job.at));
      link.append(name, time);
      item.append(link);
      return item;
    }),
  );
}
