"""What was played, as a page plays and corrects it: every note that counts, with the hand that it belongs to."""

from __future__ import annotations

import bisect
import json
from collections.abc import Sequence

from transcriber.performance import Performance
from transcriber.score import LOWER, UPPER, Score

DECIMALS = 3  # milliseconds
HANDS = {UPPER: "right", LOWER: "left"}
SEMITONES_PER_S = 24.0  # a note half a second away is as far as one an octave away
NEIGHBOURS = 16  # written notes looked at before and after one that is not


def notes_json(score: Score, performance: Performance) -> bytes:
    """{"notes": [{source, onset_s, offset_s, pitch, velocity, confidence, hand}], "deleted": [...], "pedals": [...],
    "other_metres": ["6/8", ...]}.

    Notes that are written at the pitch that was played have the `step` and `alter` of their name too. "deleted" has the
    notes that an edit deleted, without a hand; each of "pedals" is [on_s, off_s]. A note that was played but is not
    written, for instance the third of a trill, is of the hand of the nearest written one. "other_metres" are those that
    the music could be in instead, the likeliest first.
    """
    staff_of, name_of = {}, {}
    for _, staff, _, chord in score.chords():
        for head in (*chord.heads, *(head for grace in chord.graces for head in grace.heads)):
            staff_of[head.source] = staff
            name_of[head.source] = head.pitch
    written = [source for source in performance.in_time() if source in staff_of]
    unwritten = {note.source: note for note in score.dropped}
    notes, deleted = [], []
    for source, note in enumerate(performance.notes):
        entry: dict[str, object] = {
            "source": source,
            "onset_s": round(note.onset_s, DECIMALS),
            "offset_s": round(note.offset_s, DECIMALS),
            "pitch": note.pitch,
            "velocity": note.velocity,
            "confidence": round(note.confidence, DECIMALS),
        }
        if source in unwritten and unwritten[source].deleted:
            deleted.append(entry)
        else:
            nearest = source if source in staff_of else _nearest(source, performance, written)
            name = name_of.get(source)
            if name is not None and name.midi == note.pitch:
                entry |= {"step": name.step, "alter": name.alter}
            notes.append({**entry, "hand": HANDS[staff_of[nearest]]})
    pedals = [[round(pedal.on_s, DECIMALS), round(pedal.off_s, DECIMALS)] for pedal in performance.pedals]
    metres = [str(metre) for metre in score.other_metres]
    document = {"notes": notes, "deleted": deleted, "pedals": pedals, "other_metres": metres}
    return json.dumps(document, separators=(",", ":")).encode()


def _nearest(source: int, performance: Performance, written: Sequence[int]) -> int:
    """The written note that is likeliest of the same hand: near in time and in pitch."""
    note = performance.notes[source]
    place = bisect.bisect(written, note.onset_s, key=lambda near: performance.notes[near].onset_s)

    def distance(near: int) -> float:
        other = performance.notes[near]
        return SEMITONES_PER_S * abs(other.onset_s - note.onset_s) + abs(other.pitch - note.pitch)

    return min(written[max(0, place - NEIGHBOURS) : place + NEIGHBOURS], key=distance)
