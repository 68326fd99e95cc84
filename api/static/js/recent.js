// What was uploaded from this browser: kept here and nowhere else, newest first.

const KEY = "transcriptions";
const MOST = 200;

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

// What is printed above the score: without a title the file's name as one would write it by hand, as the service does it.
export const nameOf = (job) => job.title || byHand(job.file_name.replace(/(.)\.[A-Za-z0-9]{1,8}$/, "$1"));

function byHand(name) {
  const words = name.replaceAll("_", " ").trim().replace(/\s+/g, " ");
  const [first = "", ...rest] = words;
  return first.toUpperCase() + rest.join("");
}

export function remember(job) {
  keep([{ id: job.id, name: nameOf(job), at: job.created_at }, ...remembered().filter((other) => other.id !== job.id)]);
}

// A name that changed since; what was never uploaded here is not added.
export function rememberName(job) {
  keep(remembered().map((kept) => (kept.id === job.id ? { ...kept, name: nameOf(job) } : kept)));
}

export function forget(id) {
  keep(remembered().filter((job) => job.id !== id));
}
