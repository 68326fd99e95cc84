"""Bars and beats in performed time: what every later decision of notation stands on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise

import numpy as np

from transcriber.errors import EditError, NoNotes, OptionError
from transcriber.notate.bars import BarPath, bar_path, metre_scores
from transcriber.notate.beats import BeatGrid, beat_grids, level_changes
from transcriber.notate.beatscores import OnsetScores
from transcriber.notate.edits import Corrections
from transcriber.notate.evidence import BeatEvidence
from transcriber.notate.onsets import Floats, Ints, NoteTable, Onsets, find_onsets
from transcriber.notate.patternmodel import learned_pattern_model
from transcriber.notate.patterns import PatternScores, judge_grid
from transcriber.notate.regrid import relevel, relevel_part, shift
from transcriber.performance import Performance
from transcriber.score import TimeSignature

FIT = (
    2.0  # nats for a unit of the patterns' fit, beside the scores of beats and bars; from the same sweep as BarWeights
)

# Nats for each change of the beats' level. With it a tenth of 214 performances, not an eighth, change it within their
# first 90 s (in print one in eleven); beats and bar lines are as often right as without it.
LEVEL_CHANGE = 10.0
MOST_OTHERS = 3  # with them the printed metre is named in nine of ten pieces (the first alone: 44 %)
LOOSE = 0.2  # of a beat: a note nearer than this is played early or late on a beat that is right


@dataclass(frozen=True, slots=True)
class Bar:
    """One full bar: the performed second of each of its `time.beat_count` beats; it ends where the next bar starts."""

    time: TimeSignature
    beat_times_s: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Meter:
    """Bars that cover every note. A pickup is a first bar whose leading beats hold no note; `end_s` closes the last.

    Beats before the first note are counted back at its tempo: in a pickup bar they may lie before 0 s.
    """

    bars: tuple[Bar, ...]
    end_s: float


def find_meter(
    performance: Performance,
    *,
    time: TimeSignature | None = None,
    pickup_q: Fraction | None = None,
    tempo_level: Fraction = Fraction(1),
    bar_lines_s: Sequence[float] = (),
    times_s: Sequence[tuple[float, TimeSignature]] = (),
    tempo_levels_s: Sequence[tuple[float, Fraction]] = (),
    evidence: BeatEvidence | None = None,
) -> Meter:
    """Find beats, bar lines and time signatures from the notes alone.

    The rest are a listener's corrections: `time` is the only time signature used; `pickup_q` is what lies before the
    first bar line (of more than a bar only what exceeds whole bars counts); `tempo_level` multiplies the number of
    beats that would be found without it; `bar_lines_s` are moments at which a bar begins; `times_s` and
    `tempo_levels_s` are time signatures and tempo levels that hold from a moment on, until the next of their kind. With
    the `evidence` of an earlier hearing of the same notes the network is not asked. Raises NoNotes, OptionError for a
    pickup or a tempo level out of range, and EditError for bar lines and time signatures that no bars can meet.
    """
    if not performance.notes:
        raise NoNotes("There is no note to find a beat in.")
    if pickup_q is not None and pickup_q < 0:
        raise OptionError(f"The pickup is {pickup_q} quarters; it cannot be negative.")
    if not Fraction(1, 8) <= tempo_level <= 8:
        raise OptionError(f"The tempo level is {tempo_level}; it must lie between 1/8 and 8.")
    heard = _heard(performance, evidence or hear_beats(performance))
    grid, path = _counted(heard, time, tempo_level)
    if tempo_levels_s:
        grid = _with_levels(grid, tempo_levels_s, heard)
    opening = None
    if pickup_q is not None:
        grid, opening = _with_pickup(grid, path, pickup_q, heard)
    wanted_s = sorted([*bar_lines_s, *(from_s for from_s, _ in times_s)])
    if wanted_s and opening is None:
        grid = _meeting(grid, wanted_s[0], heard)
    if opening is not None or wanted_s or tempo_levels_s:
        bar_lines = sorted({_beat_at(grid, time_s) for time_s in bar_lines_s})
        later = [(_beat_at(grid, from_s), metre) for from_s, metre in times_s]
        path = _path(grid, heard, _patterns(grid, heard), time, opening, bar_lines, later)
        if not np.isfinite(path.score):
            raise EditError(
                "These bar lines and metres make no bars; they are too near to each other, or the pickup is another."
            )
    return _bars(grid, path, performance.notes[0].onset_s, performance.notes[-1].onset_s)


def corrected_meter(
    performance: Performance, complete: Performance, corrections: Corrections, evidence: BeatEvidence | None = None
) -> Meter:
    """With a musician's corrections; they speak of the notes of `complete`, which has the added ones, too."""

    def seconds(source: int) -> float:
        return complete.notes[source].onset_s

    return find_meter(
        performance,
        time=corrections.time,
        pickup_q=corrections.pickup_q,
        tempo_level=corrections.tempo_level,
        bar_lines_s=[seconds(source) for source in corrections.bar_lines],
        times_s=[(seconds(source), time) for source, time in corrections.times.items()],
        tempo_levels_s=[(seconds(source), level) for source, level in corrections.tempo_levels.items()],
        evidence=evidence,
    )


def other_metres(
    performance: Performance, meter: Meter, evidence: BeatEvidence | None = None
) -> tuple[TimeSignature, ...]:
    """What the music could be in instead of the commonest metre of `meter`, the likeliest first."""
    heard = _heard(performance, evidence or hear_beats(performance))
    best: dict[TimeSignature, float] = {}
    for grid, patterns in heard.evidence.grids:
        own = grid.score + FIT * float(patterns.fit.sum())
        for metre, score in metre_scores(*_beats_of(grid, heard), patterns).items():
            best[metre] = max(best.get(metre, -np.inf), own + score)
    written = Counter(bar.time for bar in meter.bars).most_common(1)[0][0]
    ranked = sorted(best, key=lambda metre: -best[metre])
    return tuple(metre for metre in ranked if metre != written)[:MOST_OTHERS]


@dataclass(frozen=True, slots=True, eq=False)
class _Heard:
    """The notes, their onsets, and what is known of their beats; one that is looked at again is the same object."""

    notes: NoteTable
    onsets: Onsets
    evidence: BeatEvidence

    @property
    def scores(self) -> OnsetScores:
        return self.evidence.scores


@lru_cache(maxsize=4)  # a musician's edits come one after the other, and none of them changes what is heard
def hear_beats(performance: Performance) -> BeatEvidence:
    """What the network says of every onset, and the grids of beats that follow from it, each with its patterns."""
    from transcriber.notate.network import learned_network, score_hearings  # PyTorch takes seconds to import

    notes = NoteTable.of(performance)
    onsets = find_onsets(notes.onset_s)
    scores = score_hearings(learned_network(), notes, onsets)
    grids = beat_grids(onsets.time_s, scores)
    model = learned_pattern_model()
    return BeatEvidence(
        OnsetScores(scores.beat, scores.downbeat, scores.metre),
        tuple((grid, judge_grid(notes, onsets, grid.time_s, model)) for grid in grids),
    )


@lru_cache(maxsize=4)
def _heard(performance: Performance, evidence: BeatEvidence) -> _Heard:
    notes = NoteTable.of(performance)
    return _Heard(notes, find_onsets(notes.onset_s), evidence)


@lru_cache(maxsize=8)  # most corrections leave the beats alone
def _counted(heard: _Heard, time: TimeSignature | None, level: Fraction) -> tuple[BeatGrid, BarPath]:
    """The beats and bars of this metre at this tempo level."""
    grid, path = _likeliest(heard, time)
    return (grid, path) if level == 1 else _at_level(grid, level, heard, time)


def _likeliest(heard: _Heard, time: TimeSignature | None) -> tuple[BeatGrid, BarPath]:
    """The tempo level whose beats, bars and patterns together are likeliest."""
    candidates = []
    for grid, patterns in heard.evidence.grids:
        path = _path(grid, heard, patterns, time)
        price = LEVEL_CHANGE * level_changes(grid.time_s)
        score = grid.score + path.score + FIT * float(patterns.fit.sum()) - price
        candidates.append((score, grid, path))
    _, grid, path = max(candidates, key=lambda candidate: candidate[0])
    return grid, path


def _patterns(grid: BeatGrid, heard: _Heard) -> PatternScores:
    return judge_grid(heard.notes, heard.onsets, grid.time_s, learned_pattern_model())


def _path(
    grid: BeatGrid,
    heard: _Heard,
    patterns: PatternScores,
    time: TimeSignature | None,
    opening: tuple[TimeSignature, int] | None = None,
    bar_lines: Sequence[int] = (),
    later: Sequence[tuple[int, TimeSignature]] = (),
) -> BarPath:
    return bar_path(*_beats_of(grid, heard), patterns, time=time, opening=opening, bar_lines=bar_lines, later=later)


def _beats_of(grid: BeatGrid, heard: _Heard) -> tuple[Floats, Ints, Floats, OnsetScores]:
    """What bars are found over: all beats but the last, which only closes the grid, and what is heard of onsets."""
    return grid.time_s[:-1], grid.onset[:-1], heard.onsets.time_s, heard.scores


def _at_level(grid: BeatGrid, level: Fraction, heard: _Heard, time: TimeSignature | None) -> tuple[BeatGrid, BarPath]:
    """The same beats divided and counted anew; of the ways to start counting, the one that makes the likeliest bars."""
    grids = [relevel(grid, level, phase, heard.onsets.time_s) for phase in range(level.denominator)]
    candidates = [(found, _path(found, heard, _patterns(found, heard), time)) for found in grids]
    return max(candidates, key=lambda candidate: candidate[1].score)


def _with_levels(grid: BeatGrid, levels_s: Sequence[tuple[float, Fraction]], heard: _Heard) -> BeatGrid:
    """The beats from each moment to the next counted anew, beginning with the beat nearest to it."""
    starts = [(_beat_at(grid, from_s), level) for from_s, level in sorted(levels_s)]
    found = grid
    for (first, level), (end, _) in reversed(list(pairwise([*starts, (len(grid.time_s) - 1, Fraction(1))]))):
        found = relevel_part(found, level, first, end, heard.onsets.time_s)
    return found


def _with_pickup(
    grid: BeatGrid, path: BarPath, pickup_q: Fraction, heard: _Heard
) -> tuple[BeatGrid, tuple[TimeSignature, int]]:
    """The grid with a beat `pickup_q` after the first onset, moved where it has none, the first metre and that beat."""
    onset_s = heard.onsets.time_s
    signature = path.times[0]
    pickup_beats = float(pickup_q % signature.measure_q / signature.beat_q)
    off = _place(grid, onset_s[0]) + pickup_beats
    off -= np.floor(off + 0.5)
    if abs(off) > LOOSE:
        grid = shift(grid, off, onset_s)
    first_downbeat = int(np.floor(_place(grid, onset_s[0]) + pickup_beats + 0.5))
    if first_downbeat >= len(grid.time_s) - 1:
        grid = shift(grid, 0.0, onset_s, beats_after=first_downbeat)
    return grid, (signature, first_downbeat)


def _meeting(grid: BeatGrid, time_s: float, heard: _Heard) -> BeatGrid:
    """The grid moved, where it has to be, so that a beat falls at `time_s`."""
    off = _place(grid, time_s)
    off -= np.floor(off + 0.5)
    return shift(grid, off, heard.onsets.time_s) if abs(off) > LOOSE else grid


def _beat_at(grid: BeatGrid, time_s: float) -> int:
    """The beat nearest to a moment; never the last, which only closes the grid."""
    return min(round(_place(grid, time_s)), len(grid.time_s) - 2)


def _place(grid: BeatGrid, time_s: float) -> float:
    """A moment in beats from the grid's first beat."""
    return float(np.interp(time_s, grid.time_s, np.arange(len(grid.time_s))))


def _bars(grid: BeatGrid, path: BarPath, first_s: float, last_s: float) -> Meter:
    """Complete the first and the last bar at the tempo beside them, and cut the beats into bars."""
    times = grid.time_s.tolist()
    times[0] = min(times[0], first_s)
    missing = path.position[0]
    before_s = times[1] - times[0]
    beats = [times[0] - before_s * (missing - index) for index in range(missing)] + times
    signatures = [path.times[0]] * missing + list(path.times)
    starts = [0] + [missing + beat for beat, position in enumerate(path.position) if position == 0 and missing + beat]
    after_s = times[-1] - times[-2]
    needed = starts[-1] + signatures[starts[-1]].beat_count
    while len(beats) <= needed:
        beats.append(beats[-1] + after_s)
    ends = [*starts[1:], needed]
    bars = tuple(Bar(signatures[start], tuple(beats[start:end])) for start, end in zip(starts, ends, strict=True))
    return Meter(bars, max(beats[needed], last_s + 1e-3))
