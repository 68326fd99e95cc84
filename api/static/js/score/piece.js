// What is known of one transcription for playing it, all in seconds of the recording: the performed notes and pedal,
// the written heads, bars and beats. Everything here is asked by time and holds no state.

const LATEST_DAMPER = 89; // strings from here on have no damper (the usual top of a grand's dampers)

export async function loadPiece(job, signal) {
  const [sync, played, peaks] = await Promise.all([
    fetchJson(job.links.sync, signal),
    fetchJson(job.links.notes, signal),
    fetchJson(job.links.peaks, signal),
  ]);
  if (sync === null) throw new Error("This transcription has no timing.");
  const added = (job.edits ?? []).filter(({ edit }) => edit === "add").length;
  return new Piece(sync, played ?? playedFrom(sync), peaks, { added, transpose: job.view?.transpose ?? 0 });
}

// null where there is no address or the file is not there; an aborted load still throws.
async function fetchJson(address, signal) {
  if (!address) return null;
  const response = await fetch(address, { signal });
  return response.ok ? response.json() : null;
}

// Without the performed notes, what the written heads say of them.
function playedFrom(sync) {
  const notes = new Map();
  for (const head of sync.notes) {
    const note = notes.get(head.source);
    if (note) note.offset_s = Math.max(note.offset_s, head.offset_s);
    else notes.set(head.source, { ...head, velocity: 70, hand: handOf(head) });
  }
  return { notes: [...notes.values()], deleted: [], pedals: [] };
}

const handOf = (head) => (head.staff === 1 ? "right" : "left");

export class Piece {
  // transpose: semitones that the page, the keys and the synthesised piano lie above what was played; added: how many
  // notes were put in by hand, which are the last by source.
  constructor(sync, played, peaks, { transpose, added }) {
    this.transpose = transpose;
    this.peaks = peaks;
    this.duration = sync.duration_s;
    this.measures = sync.measures;
    this.pages = sync.pages;
    this.heads = sync.notes.map((head) => ({ ...head, hand: handOf(head) })).sort((a, b) => a.onset_s - b.onset_s);
    this.headsById = new Map(this.heads.map((head) => [head.id, head]));
    this.headsBySource = new Map();
    for (const head of this.heads) {
      if (!this.headsBySource.has(head.source)) this.headsBySource.set(head.source, []);
      this.headsBySource.get(head.source).push(head);
    }
    const recorded = added > 0 ? played.notes.length + played.deleted.length - added : Infinity;
    this.notes = played.notes.map((note) => ({ ...this.#shown(note), added: note.source >= recorded })).sort((a, b) => a.onset_s - b.onset_s);
    this.notesBySource = new Map(this.notes.map((note) => [note.source, note]));
    this.pedals = played.pedals.map(([on_s, off_s]) => ({ on_s, off_s }));
    holdByPedal(this.notes, this.pedals, this.transpose);
    this.longestHead = longest(this.heads);
    this.longestNote = longest(this.notes);
    this.measureIndex = new Map(this.measures.map((measure, index) => [measure.id, index]));
    this.beats = this.measures.flatMap((measure) => measure.beats_s.map((at, place) => ({ at, first: place === 0 })));
    const pitches = this.notes.map((note) => note.pitch);
    this.lowest = Math.min(60, ...pitches);
    this.highest = Math.max(72, ...pitches);
  }

  #shown(note) {
    const head = this.headsBySource.get(note.source)?.[0];
    const hand = head?.hand ?? note.hand ?? (note.pitch >= 60 ? "right" : "left");
    const { step, alter } = head ?? {};
    return { ...note, hand, pitch: note.pitch + this.transpose, step, alter, written: head !== undefined };
  }

  // The heads whose note is down at this moment: onset <= at < offset.
  headsAt(at) {
    return downAt(this.heads, this.longestHead, at);
  }

  notesAt(at) {
    return downAt(this.notes, this.longestNote, at);
  }

  notesBetween(start, end) {
    const found = this.notes.slice(firstFrom(this.notes, start - this.longestNote), firstFrom(this.notes, end));
    return found.filter((note) => note.offset_s > start);
  }

  notesStartingIn(start, end) {
    return this.notes.slice(firstFrom(this.notes, start), firstFrom(this.notes, end));
  }

  // Index of the bar that this moment lies in: the first before the music, the last after it.
  measureAt(at) {
    let low = 0;
    let high = this.measures.length;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (this.measures[middle].start_s <= at) low = middle;
      else high = middle;
    }
    return low;
  }

  // The number of the bar that a performed note is written in, or was played in where it is not written.
  barOf(note) {
    const head = this.headsBySource.get(note.source)?.[0];
    const index = head ? this.measureIndex.get(head.measure) : this.measureAt(note.onset_s);
    return this.measures[index].number;
  }

  // The span of bars `first` to `last`, both included, whichever is earlier.
  span(first, last) {
    const [from, to] = first <= last ? [first, last] : [last, first];
    return { first: from, last: to, start: this.measures[from].start_s, end: this.measures[to].end_s };
  }
}

const longest = (notes) => notes.reduce((most, note) => Math.max(most, note.offset_s - note.onset_s), 0);

// The first index whose onset is at or after `at`.
function firstFrom(notes, at) {
  let low = 0;
  let high = notes.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (notes[middle].onset_s < at) low = middle + 1;
    else high = middle;
  }
  return low;
}

function downAt(notes, longestNote, at) {
  const found = [];
  for (let index = firstFrom(notes, at - longestNote - 0.001); index < notes.length; index += 1) {
    if (notes[index].onset_s > at) break;
    if (notes[index].offset_s > at) found.push(notes[index]);
  }
  return found;
}

// `silent_s` of each note: when its string stops, held on by the pedal and cut by the next stroke of its own key.
function holdByPedal(notes, pedals, transpose) {
  const next = new Map();
  for (let index = notes.length - 1; index >= 0; index -= 1) {
    const note = notes[index];
    const pedal = pedals.find((press) => press.on_s <= note.offset_s && note.offset_s < press.off_s);
    const undamped = note.pitch - transpose >= LATEST_DAMPER ? note.offset_s + 2 : 0;
    note.silent_s = Math.min(Math.max(pedal?.off_s ?? note.offset_s, undamped), next.get(note.pitch) ?? Infinity);
    next.set(note.pitch, note.onset_s);
  }
}
