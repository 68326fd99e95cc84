"""Where the beats of a performance fall: the network's scores decoded at several tempo levels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from transcriber.notate.beatscores import PERIOD_BINS, PERIOD_BINS_PER_OCTAVE, SHORTEST_BEAT_S, BeatScores
from transcriber.notate.onsets import Floats, Ints
from transcriber.notate.tempo import BREAK_S, BeatPath, Section, beat_path

LEVELS = (0.5, 2.0, 3.0, 1 / 3)  # beat lengths tried besides the likeliest, as multiples of it
LEVEL_WIDTH_BINS = 5  # about +-30 %: how far a path at another level may stray from that level
# A quarter of 110 training performances change their level: there, to offer beats of one level all along gives beats
# and downbeats 0.7 and 1.5 points of F more.
STEADY_LEVELS = (1.0, 0.5, 2.0)  # of the median beat
STEADY_WIDTH_BINS = 7  # about +-50 %: they stay below the next level
OTHER_LEVEL = 0.7  # octaves from the median beat length
OFTEN = 0.05  # of the onsets
BREAK_BEATS = 4  # a break between sections is written as at most this many beats
LEVEL_BEATS = 8  # beats must be even for so long before and after a change of their level
UNEVEN = 0.25  # octaves that even beats are away from their median at most, on the mean
OTHER_BEATS = 0.68  # octaves from one level to another: a factor of 1.6


@dataclass(frozen=True, slots=True)
class BeatGrid:
    """Beats from at or before the first onset to after the last; `onset` is -1 where nothing is struck."""

    time_s: Floats
    onset: Ints
    score: float


def beat_grids(onset_s: Floats, scores: BeatScores) -> list[BeatGrid]:
    """The likeliest beats first, then those at other tempo levels. Every grid has at least three beats.

    Where the likeliest beats change their level on the way, grids that keep one come last.
    """
    sections = _sections(onset_s, scores)
    likeliest = _grid(sections, np.zeros((len(onset_s), PERIOD_BINS)))
    period_s = _local_period(likeliest.time_s, onset_s)
    usual_s = np.full(len(onset_s), np.median(np.diff(likeliest.time_s)))
    wanted = [(period_s * level, LEVEL_WIDTH_BINS) for level in LEVELS]
    if (np.abs(np.log2(period_s / usual_s)) > OTHER_LEVEL).mean() > OFTEN:
        wanted += [(usual_s * level, STEADY_WIDTH_BINS) for level in STEADY_LEVELS]
    grids = [likeliest]
    for length_s, width in wanted:
        centre = np.log2(length_s / SHORTEST_BEAT_S) * PERIOD_BINS_PER_OCTAVE
        reachable = (centre > 0) & (centre < PERIOD_BINS - 1)
        if reachable.all():
            away = np.abs(np.arange(PERIOD_BINS) - centre[:, None])
            grids.append(_grid(sections, np.where(away <= width, 0.0, -np.inf)))
    return grids


def level_changes(beat_s: Floats) -> int:
    """How often even beats are followed by even ones that are far longer or shorter: a new tempo, or a slip.

    beat_s: (beats,) increasing.
    """
    if len(beat_s) <= 2 * LEVEL_BEATS:
        return 0
    stretches = np.lib.stride_tricks.sliding_window_view(np.log2(np.diff(beat_s)), LEVEL_BEATS)
    middle = np.median(stretches, axis=1)
    even = np.abs(stretches - middle[:, None]).mean(axis=1) < UNEVEN
    leaps = np.abs(middle[LEVEL_BEATS:] - middle[:-LEVEL_BEATS]) > OTHER_BEATS
    found, last = 0, -LEVEL_BEATS
    for place in np.flatnonzero(leaps & even[LEVEL_BEATS:] & even[:-LEVEL_BEATS]).tolist():
        if place - last >= LEVEL_BEATS:
            found, last = found + 1, place
    return found


def _local_period(beat_s: Floats, at_s: Floats) -> Floats:
    """Median length of the nine beats around each time."""
    steps = np.diff(beat_s)
    around = np.pad(steps, 4, mode="reflect" if len(steps) > 4 else "edge")
    usual_s = np.median(np.lib.stride_tricks.sliding_window_view(around, 9), axis=1)
    return np.asarray(usual_s[np.clip(np.searchsorted(beat_s, at_s) - 1, 0, len(usual_s) - 1)])


def _sections(onset_s: Floats, scores: BeatScores) -> list[tuple[slice, Section]]:
    """The onsets cut at breaks."""
    bounds = [0, *(np.nonzero(np.diff(onset_s) > BREAK_S)[0] + 1).tolist(), len(onset_s)]
    found = []
    for first, last in pairwise(bounds):
        part = slice(first, last)
        cut = BeatScores(
            scores.beat[part], scores.downbeat[part], scores.period[part], scores.bar[part], scores.metre[part]
        )
        found.append((part, Section(onset_s[part], cut)))
    return found


def _grid(sections: Sequence[tuple[slice, Section]], length_bias: Floats) -> BeatGrid:
    """Decode section by section and join what comes out."""
    times: list[float] = []
    onsets: list[int] = []
    total = 0.0
    for part, section in sections:
        path = beat_path(section, length_bias[part])
        first_s, last_s = float(section.time_s[0]), float(section.time_s[-1])
        section_s, section_onset = _cover(path, first_s, last_s, _likeliest_s(section.scores))
        section_onset = np.where(section_onset >= 0, section_onset + part.start, -1)
        if times:
            _bridge(times, onsets, float(section_s[0]))
        times += section_s.tolist()
        onsets += section_onset.tolist()
        total += path.score
    return BeatGrid(np.array(times), np.array(onsets, dtype=np.int64), total)


def _likeliest_s(scores: BeatScores) -> float:
    """The beat length that the network favours over a section."""
    return float(SHORTEST_BEAT_S * 2 ** (scores.period.sum(axis=0).argmax() / PERIOD_BINS_PER_OCTAVE))


def _cover(path: BeatPath, first_s: float, last_s: float, usual_s: float) -> tuple[Floats, Ints]:
    """Go on at the outermost tempo until the beats reach from the first onset to beyond the last, three at least."""
    times, onsets = path.time_s.tolist(), path.onset.tolist()
    steps = np.diff(path.time_s)
    ahead_s = float(np.median(steps[-4:])) if len(steps) else usual_s
    behind_s = float(np.median(steps[:4])) if len(steps) else usual_s
    while times[0] > first_s + 1e-9:
        times.insert(0, times[0] - behind_s)
        onsets.insert(0, -1)
    while times[-1] <= last_s or len(times) < 3:
        times.append(times[-1] + ahead_s)
        onsets.append(-1)
    return np.array(times), np.array(onsets, dtype=np.int64)


def _bridge(times: list[float], onsets: list[int], next_s: float) -> None:
    """Fill the silence before the next section's first beat with a few beats, stretched like a pause."""
    step_s = times[-1] - times[-2]
    while times[-1] >= next_s - 0.1 * step_s and onsets[-1] < 0 and len(times) > 2:
        times.pop()
        onsets.pop()
    beats = int(np.clip(round((next_s - times[-1]) / step_s), 1, BREAK_BEATS))
    gap_s = (next_s - times[-1]) / beats
    for _ in range(1, beats):
        times.append(times[-1] + gap_s)
        onsets.append(-1)
