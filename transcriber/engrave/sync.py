"""Score and pages -> `sync.json`, which ties what is drawn to what was played.

Format, version 1. All times are seconds of the recording, rounded to a millisecond.

    {"version": 1,
     "duration_s": 61.2,
     "notes": [{"id": "n1", "source": 0, "onset_s": 0.512, "offset_s": 0.934, "pitch": 61, "step": "D",
                "alter": -1, "measure": "m1", "staff": 1, "voice": 1, "tied": false, "confidence": 0.97}, ...],
     "measures": [{"id": "m1", "number": 1, "start_s": 0.5, "end_s": 2.5, "beats_s": [0.5, 1.0, ...], "page": 1}, ...],
     "pages": [{"page": 1, "first_measure": "m1", "last_measure": "m20"}, ...],
     "dropped": [{"source": 17, "reason": "..."}]}

`id` is the element's id in MusicXML and SVG, `source` the index of the performed note. A note that is written as
several tied heads has an entry for each: the later ones start when their place in the bar was reached. `notes` is in
the order of the bars, and by time within one; staves and voices count from 1. Fields may be added in later versions.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction

from transcriber.engrave.musicxml import measure_id
from transcriber.engrave.timeline import Timeline, timeline
from transcriber.performance import Performance
from transcriber.score import NoteHead, Score

VERSION = 1
DECIMALS = 3


def write_sync(score: Score, performance: Performance, pages: Sequence[str]) -> bytes:
    """The synchronisation file of a score drawn on these SVG pages, as JSON in UTF-8."""
    return Synchronisation(score, performance).on_pages(pages)


class Synchronisation:
    """The synchronisation file of a score, as far as it is known before the score is drawn."""

    def __init__(self, score: Score, performance: Performance) -> None:
        times = timeline(score)
        starts_s = [times.second(start_q) for start_q in times.starts_q]
        self._score = score
        self._measures = [
            {
                "id": measure_id(index),
                "number": measure.number,
                "start_s": round(starts_s[index], DECIMALS),
                "end_s": round(starts_s[index + 1], DECIMALS),
                "beats_s": [round(second, DECIMALS) for second in measure.beat_times_s],
            }
            for index, measure in enumerate(score.measures)
        ]
        head = {"version": VERSION, "duration_s": round(performance.duration_s, DECIMALS)}
        self._head = _json({**head, "notes": _notes(score, performance, times)})

    def on_pages(self, pages: Sequence[str]) -> bytes:
        """The whole file, for the score drawn on these SVG pages."""
        page_of = _pages_of_measures(self._score, pages)
        rest = {
            "measures": [{**bar, "page": page} for bar, page in zip(self._measures, page_of, strict=True)],
            "pages": [
                {
                    "page": page,
                    "first_measure": measure_id(page_of.index(page)),
                    "last_measure": measure_id(len(page_of) - 1 - page_of[::-1].index(page)),
                }
                for page in sorted(set(page_of))
            ],
            "dropped": [{"source": note.source, "reason": note.reason} for note in self._score.dropped],
        }
        return f"{self._head.removesuffix('}')},{_json(rest).removeprefix('{')}\n".encode()


def _json(document: Mapping[str, object]) -> str:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


def _pages_of_measures(score: Score, pages: Sequence[str]) -> list[int]:
    """The page number of every bar; verovio never draws a later bar on an earlier page."""
    found = []
    page, place = 1, 0  # where the bar before stands
    for index in range(len(score.measures)):
        while page < len(pages):
            here = pages[page - 1].find(f'id="{measure_id(index)}"', place)
            if here >= 0:
                place = here
                break
            page, place = page + 1, 0
        found.append(page)
    return found


def _notes(score: Score, performance: Performance, times: Timeline) -> list[dict[str, object]]:
    entries: list[dict[str, object]] = []
    latest: dict[int, dict[str, object]] = {}  # the last entry of each performed note
    for index, staff, voice, onset_q, head in _heads_in_time(score):
        note = performance.notes[head.source]
        onset_s = note.onset_s
        before = latest.get(head.source)
        if before is not None:
            reached_s = times.second(times.starts_q[index] + onset_q)
            onset_s = min(max(reached_s, float(str(before["onset_s"]))), note.offset_s)
            before["offset_s"] = round(onset_s, DECIMALS)
        entry: dict[str, object] = {
            "id": head.id,
            "source": head.source,
            "onset_s": round(onset_s, DECIMALS),
            "offset_s": round(note.offset_s, DECIMALS),
            "pitch": head.pitch.midi,
            "step": head.pitch.step,
            "alter": head.pitch.alter,
            "measure": measure_id(index),
            "staff": staff + 1,
            "voice": voice,
            "tied": head.tie_stop,
            "confidence": round(head.confidence, DECIMALS),
        }
        latest[head.source] = entry
        entries.append(entry)
    return entries


def _heads_in_time(score: Score) -> Iterator[tuple[int, int, int, Fraction, NoteHead]]:
    """Every head with its measure index, staff index, voice number and written onset, by time within each measure."""
    found = list(score.chords())
    # As floats, which are compared in a tenth of the time.
    found.sort(key=lambda entry: (entry[0], float(entry[3].onset_q), entry[1], entry[2]))
    for index, staff, voice, chord in found:
        for head in (*(head for grace in chord.graces for head in grace.heads), *chord.heads):
            yield index, staff, voice, chord.onset_q, head
