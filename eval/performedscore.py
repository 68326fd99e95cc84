"""A printed score laid over one performance of it: when each printed bar, beat and note was played.

Annotated downbeats say which bars were played when, repeats included, and annotated beats how time ran within them.
Between beats time runs evenly.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import accumulate, pairwise
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from eval.muster import Muster, QuarterNote, muster
from eval.mv2h import KeyChange, TimedNote, TimedScore
from eval.printed import PrintedBar, PrintedNote
from eval.writtennotes import written_notes
from transcriber.engrave.timeline import timeline
from transcriber.notate.meter import Bar, Meter
from transcriber.notate.training.pack import AlignedPiece
from transcriber.performance import Performance
from transcriber.score import Score, TimeSignature

MOST_AWAY_S = 0.5  # a note played further from its place in the beat than this was not that note
STEPS = "CDEFGAB"
HIDDEN = 128  # the flag by which notation knows the playback of an ornament


@dataclass(frozen=True)
class PlayedBar:
    """One printed bar (or bars that share a downbeat) as played: positions in quarters against seconds.

    `missing_q` is what a pickup lacks at its front.
    """

    time: TimeSignature
    fifths: int
    major: bool
    notes: tuple[PrintedNote, ...]
    length_q: Fraction
    missing_q: Fraction
    places_q: tuple[float, ...]
    times_s: tuple[float, ...]

    def second(self, position_q: Fraction | float) -> float:
        return float(np.interp(float(position_q), self.places_q, self.times_s))


@dataclass(frozen=True)
class ReferenceNote:
    """A printed note with its ties joined: where it stands and when that was."""

    printed: PrintedNote
    bar: int
    length_q: Fraction
    start_s: float
    end_s: float


def played_bars(printed: Sequence[PrintedBar], annotations: dict[str, Any]) -> list[PlayedBar]:
    """The bars in the order in which they were played. Raises KeyError or ValueError where annotations do not fit."""
    downbeats = [float(time_s) for time_s in annotations["performance_downbeats"]]
    beats = sorted({float(time_s) for time_s in annotations["performance_beats"]} | set(downbeats))
    numbers = [[int(number) for number in str(entry).split("-")] for entry in annotations["downbeats_score_map"]]
    if len(numbers) != len(downbeats) or len(downbeats) < 2:
        raise ValueError(f"{len(numbers)} bars are mapped to {len(downbeats)} downbeats")
    if max(max(entry) for entry in numbers) >= len(printed):
        raise ValueError(f"bar {max(max(entry) for entry in numbers)} of {len(printed)} is mapped")
    bars = []
    before = [time_s for time_s in beats if time_s < downbeats[0]]
    if before and numbers[0][0] > 0:
        bars.append(_played([printed[numbers[0][0] - 1]], [*before, downbeats[0]], pickup=True))
    last_step_s = beats[-1] - beats[-2]
    for index, entry in enumerate(numbers):
        start_s = downbeats[index]
        following_s = downbeats[index + 1] if index + 1 < len(numbers) else float("inf")
        inner = [time_s for time_s in beats if start_s < time_s < following_s]
        end_s = following_s if index + 1 < len(numbers) else [start_s, *inner][-1] + last_step_s
        together = [printed[number] for number in entry]
        short = index == 0 and not bars and sum(bar.length_q for bar in together) < together[0].time.measure_q
        bars.append(_played(together, [start_s, *inner, end_s], pickup=short))
    return bars


def true_meter(bars: Sequence[PlayedBar]) -> Meter:
    """The felt beats of the printed time signatures. A pickup is filled up to a full bar at its own tempo."""
    found = []
    for bar in bars:
        count = max(1, round((bar.length_q + bar.missing_q) / bar.time.beat_q))
        time = bar.time if count == bar.time.beat_count else TimeSignature(count * _felt(bar.time), bar.time.beat_type)
        places = [bar.time.beat_q * index - bar.missing_q for index in range(count)]
        found.append(Bar(time, tuple(_before(bar, place_q) for place_q in places)))
    return Meter(tuple(found), bars[-1].times_s[-1])


def aligned(bars: Sequence[PlayedBar], performance: Performance) -> AlignedPiece:
    """The performed notes with what is printed for each, as `eval.notation` compares them."""
    notes = reference_notes(bars)
    partners = _partners(notes, performance)
    count = len(performance.notes)
    columns = {name: np.zeros(count) for name in ("pos", "q_dur")}
    for name in ("row", "flags", "staff", "step", "alter", "fifths", "bar"):
        columns[name] = np.zeros(count, np.int64)
    columns["grace"] = np.zeros(count, bool)
    columns["row"][:] = -1
    for row, (note, source) in enumerate(zip(notes, partners, strict=True)):
        if source is None:
            continue
        bar = bars[note.bar]
        columns["row"][source] = row
        columns["flags"][source] = HIDDEN if note.printed.hidden else 0
        columns["staff"][source] = note.printed.staff + 1
        columns["step"][source] = STEPS.index(note.printed.step)
        columns["alter"][source] = note.printed.alter
        columns["fifths"][source] = bar.fifths
        columns["bar"][source] = note.bar
        columns["pos"][source] = float(note.printed.onset_q + bar.missing_q)
        columns["q_dur"][source] = float(note.length_q)
        columns["grace"][source] = note.printed.grace
    return AlignedPiece("", 0, performance, true_meter(bars), columns)


def timed_reference(bars: Sequence[PlayedBar], piece: AlignedPiece) -> TimedScore:
    """The printed notes at the moments when they were played, or where they were due if they were left out."""
    onsets = {
        int(row): piece.performance.notes[source].onset_s for source, row in enumerate(piece.rows["row"]) if row >= 0
    }
    voices: dict[tuple[int, str], int] = {}
    notes = tuple(
        TimedNote(
            note.printed.pitch,
            onsets.get(row, note.start_s),
            note.start_s,
            note.end_s,
            voices.setdefault((note.printed.staff, note.printed.voice), len(voices)),
        )
        for row, note in enumerate(reference_notes(bars))
        if not note.printed.hidden
    )
    keys = [(bar.times_s[0], bar.fifths, bar.major) for bar in bars]
    return TimedScore(notes, _levels(true_meter(bars)), _key_changes(keys))


def timed_score(score: Score, performance: Performance) -> TimedScore:
    """A written score at the performance's own times."""
    times = timeline(score)
    notes = []
    for source, note in written_notes(score).items():
        at_q = times.starts_q[note.measure] + note.onset_q
        start_s, end_s = times.second(at_q), times.second(at_q + note.length_q)
        onset_s = performance.notes[source].onset_s
        notes.append(TimedNote(note.pitch.midi, onset_s, start_s, end_s, 2 * note.staff + note.voice))
    bars = tuple(Bar(measure.time, measure.beat_times_s) for measure in score.measures if measure.beat_times_s)
    keys = [
        (times.second(start_q), measure.key.fifths, measure.key.mode == "major")
        for start_q, measure in zip(times.starts_q, score.measures, strict=False)
    ]
    return TimedScore(tuple(notes), _levels(Meter(bars, times.times_s[-1])), _key_changes(keys))


def compared_in_quarters(bars: Sequence[PlayedBar], piece: AlignedPiece, score: Score) -> Muster:
    """MUSTER of a written score against the printed bars; notes are paired by who played them."""
    starts_q = list(accumulate((bar.length_q for bar in bars), initial=Fraction(0)))
    printed: list[QuarterNote] = []
    place_of: dict[int, int] = {}
    for row, note in enumerate(reference_notes(bars)):
        if not note.printed.hidden:
            place_of[row] = len(printed)
            onset_q = starts_q[note.bar] + note.printed.onset_q
            length_q = Fraction(0) if note.printed.grace else note.length_q
            printed.append(QuarterNote(onset_q, onset_q + length_q, note.printed.pitch))
    lines_q = timeline(score).starts_q
    written: list[QuarterNote] = []
    places: dict[int, int] = {}
    for source, ours in written_notes(score).items():
        places[source] = len(written)
        onset_q = lines_q[ours.measure] + ours.onset_q
        written.append(QuarterNote(onset_q, onset_q + ours.length_q, ours.pitch.midi))
    pairs = [
        (place_of[row], places[source])
        for source, row in enumerate(piece.rows["row"].tolist())
        if row in place_of and source in places
    ]
    return muster(printed, written, pairs)


def reference_notes(bars: Sequence[PlayedBar]) -> list[ReferenceNote]:
    """Every printed note once, tied ones joined, in the order of time and pitch."""
    found: list[ReferenceNote] = []
    held: dict[tuple[int, int, str], int] = {}  # pitch, staff and voice of a note whose tie goes on
    for index, bar in enumerate(bars):
        for note in sorted(bar.notes, key=lambda note: (note.onset_q, note.grace, note.pitch)):
            key = (note.pitch, note.staff, note.voice)
            end_s = bar.second(note.onset_q + note.length_q)
            if note.tie_stop and key in held:
                place = held.pop(key)
                before = found[place]
                found[place] = ReferenceNote(
                    before.printed, before.bar, before.length_q + note.length_q, before.start_s, end_s
                )
            else:
                place = len(found)
                found.append(ReferenceNote(note, index, note.length_q, bar.second(note.onset_q), end_s))
            if note.tie_start:
                held[key] = place
    return found


def _played(printed: Sequence[PrintedBar], times_s: list[float], *, pickup: bool) -> PlayedBar:
    """`times_s`: the bar's beats and its end. Beats count from the front, those of a pickup from the bar line."""
    length_q = sum((bar.length_q for bar in printed), Fraction(0))
    notes, start_q = [], Fraction(0)
    for bar in printed:
        notes += [_moved(note, start_q) for note in bar.notes]
        start_q += bar.length_q
    steps = len(times_s) - 1
    beat_q = printed[0].time.beat_q
    if -(-length_q // beat_q) == steps and pickup:
        places = [max(float(length_q - beat_q * (steps - index)), 0.0) for index in range(steps)]
    elif -(-length_q // beat_q) == steps:
        places = [float(beat_q * index) for index in range(steps)]
    else:
        places = [float(length_q * index / steps) for index in range(steps)]
    missing_q = max(printed[0].time.measure_q - length_q, Fraction(0)) if pickup else Fraction(0)
    first = printed[0]
    return PlayedBar(
        first.time,
        first.fifths,
        first.major,
        tuple(notes),
        length_q,
        missing_q,
        (*places, float(length_q)),
        tuple(times_s),
    )


def _moved(note: PrintedNote, by_q: Fraction) -> PrintedNote:
    return replace(note, onset_q=note.onset_q + by_q) if by_q else note


def _felt(time: TimeSignature) -> int:
    """How many of the lower figure make a felt beat."""
    return 3 if time.compound else 1


def _before(bar: PlayedBar, place_q: Fraction) -> float:
    """The time of a place in the bar, carried on before its front at the tempo of its first beat."""
    if place_q >= 0:
        return bar.second(place_q)
    step_s = (bar.times_s[1] - bar.times_s[0]) / max(bar.places_q[1] - bar.places_q[0], 1e-9)
    return bar.times_s[0] + float(place_q) * step_s


def _partners(notes: Sequence[ReferenceNote], performance: Performance) -> list[int | None]:
    """The performed note of each printed one: for each key the pairing that is nearest in all."""
    played: dict[int, list[int]] = defaultdict(list)
    for source, note in enumerate(performance.notes):
        played[note.pitch].append(source)
    printed: dict[int, list[int]] = defaultdict(list)
    for row, reference in enumerate(notes):
        printed[reference.printed.pitch].append(row)
    partners: list[int | None] = [None] * len(notes)
    for pitch, rows in printed.items():
        rows.sort(key=lambda row: notes[row].start_s)
        sources = played.get(pitch, [])
        wanted = [notes[row].start_s for row in rows]
        given = [performance.notes[source].onset_s for source in sources]
        for row, place in _nearest_pairs(wanted, given):
            partners[rows[row]] = sources[place]
    return partners


def _nearest_pairs(wanted: Sequence[float], given: Sequence[float]) -> list[tuple[int, int]]:
    """Pairs of two lists of times, none wider than MOST_AWAY_S, of the least total distance."""
    distance = np.abs(np.subtract.outer(np.asarray(wanted), np.asarray(given)))
    rows, columns = linear_sum_assignment(np.minimum(distance, MOST_AWAY_S))
    near = distance[rows, columns] < MOST_AWAY_S
    return list(zip(rows[near].tolist(), columns[near].tolist(), strict=True))


def _levels(meter: Meter) -> tuple[tuple[float, ...], ...]:
    """Sub-beats, beats and bar lines, each closed by the end of the last bar."""
    beats = [(time_s, 3 if bar.time.compound else 2) for bar in meter.bars for time_s in bar.beat_times_s]
    ends = [*(time_s for time_s, _ in beats[1:]), meter.end_s]
    halves = [
        time_s + (end_s - time_s) * part / parts
        for (time_s, parts), end_s in zip(beats, ends, strict=True)
        for part in range(parts)
    ]
    lines = [bar.beat_times_s[0] for bar in meter.bars]
    return (
        (*halves, meter.end_s),
        (*(time_s for time_s, _ in beats), meter.end_s),
        (*lines, meter.end_s),
    )


def _key_changes(keys: Sequence[tuple[float, int, bool]]) -> tuple[KeyChange, ...]:
    changes = [keys[0], *(after for before, after in pairwise(keys) if before[1:] != after[1:])]
    return tuple(KeyChange(at_s, (7 * fifths + (0 if major else 9)) % 12, major) for at_s, fifths, major in changes)
