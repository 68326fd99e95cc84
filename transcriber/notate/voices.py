"""One or two voices on a staff, and where each written note ends.

A note runs to the next onset of its voice, as an engraver would write it, unless the hand clearly rested. Which notes
of a bar stand in a second voice, the voice model says (`voicescores.py`); it must be rather sure, since one voice with
chords is easier to read. The figures are counts over 418,000 aligned notes of the training compositions.
"""

from __future__ import annotations

import bisect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise

from transcriber.notate.rhythm import Placed
from transcriber.notate.timeline import TICKS, Pulse, Timeline
from transcriber.notate.voicescores import lower_voice_scores

QUICK = round(0.6 * TICKS)  # up to a half beat
# Released early, a note is written with a rest after it in half of the cases below these shares of the distance to the
# next onset: never up to a half beat; below 0.1 up to a beat; then by whether the pedal carries the sound on.
BEAT = round(1.1 * TICKS)
TWO_BEATS = round(2.1 * TICKS)
REST_BELOW_BEAT = 0.1
REST_BELOW_TWO, REST_BELOW_TWO_PEDALLED = 0.55, 0.3
REST_BELOW_LONG, REST_BELOW_LONG_PEDALLED = 0.7, 0.35
# A note off the beat that could run over the next beat ends there instead below these shares, by the same counts: from
# the middle of its beat, and from weaker places.
OVER_BEAT, OVER_BEAT_PEDALLED = 0.55, 0.45
OVER_BEAT_WEAK = 0.65
OVER_OTHER_VOICE = 0.3  # a note outlasts an onset of the other voice only if its key is down for so much of the way
STACCATO_BELOW = 0.2  # the share of dots among notes this short is highest (18 %)
STACCATO_LENGTHS = {TICKS // 2, TICKS, TICKS // 3}  # eighths and quarters, plain or in triplets
# Dots are a passage's and not a note's: among the notes of one value within so many chords, most are short or none is.
PASSAGE = 4
PASSAGE_SHORT = 0.3
PASSAGE_DOTTED, PASSAGE_PLAIN = 0.6, 0.4
TIED_OVER = TICKS // 4  # a note is tied over the bar line if it is held at least a sixteenth beyond it

SECOND_VOICE = 4.0  # nats that the notes of a bar must gain by a second voice


@dataclass(frozen=True, slots=True)
class Struck:
    """A chord of one voice from `start` to `end` in ticks; tied notes over bar lines are several of these."""

    start: int
    end: int
    notes: tuple[Placed, ...]  # lowest first
    tied_from: bool = False
    tied_on: bool = False
    staccato: bool = False
    kept: float = 1.0  # for what share of its length the key is down; 1 where the pedal carries it on


BarVoices = tuple[tuple[Struck, ...], ...]  # one or two voices, the upper first


@dataclass(frozen=True, slots=True)
class _Group:
    """Notes of one staff that start together, lowest first; the next onset of the staff, or the end of the music."""

    start: int
    notes: tuple[Placed, ...]
    next_start: int


def find_voices(
    notes: Sequence[Placed], pedalled: frozenset[int], timeline: Timeline, *, single: bool = False
) -> list[BarVoices]:
    """The voices of one staff, bar by bar; `single` allows no second one.

    `pedalled` holds the sources that sound on after their key is released.
    """
    scores = {} if single else lower_voice_scores(notes, timeline)
    starts = sorted({note.onset for note in notes})
    by_start: dict[int, list[Placed]] = {start: [] for start in starts}
    for note in notes:
        by_start[note.onset].append(note)
    bars: list[BarVoices] = []
    carried: dict[int, tuple[Struck, int]] = {}  # by voice, the chord tied over the bar line and where it ends
    last: dict[int, Struck] = {}  # by voice, the chord before
    for first, end in zip(timeline.bar_starts, timeline.bar_starts[1:], strict=False):
        own = starts[bisect.bisect_left(starts, first) : bisect.bisect_left(starts, end)]
        following = bisect.bisect_left(starts, end)
        after = starts[following] if following < len(starts) else end
        groups = [
            _Group(start, tuple(sorted(by_start[start], key=lambda note: note.attack.pitch)), next_start)
            for start, next_start in pairwise([*own, after])
        ]
        lines: list[list[Struck]] = [[], []]
        for voice, (chord, until) in carried.items():
            lines[voice].append(Struck(first, min(until, end), chord.notes, tied_from=True, tied_on=until > end))
        carried = {voice: held for voice, held in carried.items() if held[1] > end}
        for voice, members in enumerate(_divide(groups, scores)):
            for group, following_start in zip(members, [*(later.start for later in members[1:]), after], strict=False):
                cut = _cut(group, last.get(voice), starts, end)
                struck, until = _end(group, following_start, cut, end, pedalled, timeline)
                lines[voice].append(struck)
                last[voice] = struck
                if struck.tied_on:
                    carried[voice] = (struck, until)
        bars.append(tuple(tuple(line) for line in lines if line))
    return _with_even_staccato(bars)


def _with_even_staccato(bars: Sequence[BarVoices]) -> list[BarVoices]:
    """The bars with dots on the short notes of passages that are mostly short, and off stray ones elsewhere."""
    found = [[list(line) for line in bar] for bar in bars]
    for voice in (0, 1):
        line = [
            (bar, place)
            for bar, lines in enumerate(bars)
            if voice < len(lines)
            for place, struck in enumerate(lines[voice])
            if struck.end - struck.start in STACCATO_LENGTHS and not struck.tied_from and not struck.tied_on
        ]
        chords = [bars[bar][voice][place] for bar, place in line]
        for index, ((bar, place), struck) in enumerate(zip(line, chords, strict=True)):
            length = struck.end - struck.start
            passage = [
                other.kept < PASSAGE_SHORT
                for other in chords[max(0, index - PASSAGE) : index + PASSAGE + 1]
                if other.end - other.start == length
            ]
            share = sum(passage) / len(passage)
            if struck.kept < PASSAGE_SHORT and share >= PASSAGE_DOTTED:
                found[bar][voice][place] = replace(struck, staccato=True)
            elif struck.kept >= REST_BELOW_BEAT and share < PASSAGE_PLAIN:
                found[bar][voice][place] = replace(struck, staccato=False)
    return [tuple(tuple(line) for line in lines) for lines in found]


def _divide(groups: Sequence[_Group], scores: Mapping[int, float]) -> tuple[list[_Group], list[_Group]]:
    """The groups of a bar in an upper and a lower voice; all in the upper where a second one gains too little."""
    gain = 0.0
    divisions = []
    for group in groups:
        gains = [0.0, *accumulate(scores.get(note.attack.source, -1.0) for note in group.notes)]
        divisions.append(max(range(len(gains)), key=gains.__getitem__))
        gain += gains[divisions[-1]]
    if gain < SECOND_VOICE:
        return list(groups), []
    upper: list[_Group] = []
    lower: list[_Group] = []
    for group, division in zip(groups, divisions, strict=True):
        if division < len(group.notes):
            upper.append(replace(group, notes=group.notes[division:]))
        if division:
            lower.append(replace(group, notes=group.notes[:division]))
    return (upper, lower) if upper else (lower, [])


def _cut(group: _Group, before: Struck | None, starts: Sequence[int], bar_end: int) -> int:
    """The onset of the staff at which a chord ends that is not held on.

    That is the next one or, at the end of a run of its voice, the first that leaves it as long as the chord before it.
    """
    if before is None or before.end != group.start:
        return group.next_start
    later = bisect.bisect_left(starts, 2 * group.start - before.start)
    return max(group.next_start, starts[later] if later < len(starts) else bar_end)


def _end(
    group: _Group, target: int, cut: int, bar_end: int, pedalled: frozenset[int], timeline: Timeline
) -> tuple[Struck, int]:
    """The chord with its end within the bar, and its true end where it is tied on beyond the bar line.

    `target` is the next onset of its voice in the bar, else the first of the staff after it; `cut` is where the chord
    ends that is let go under another voice.
    """
    start = group.start
    held_to = max(note.held for note in group.notes)
    pedal = any(note.attack.source in pedalled for note in group.notes)
    goes_on = target > bar_end and target == group.next_start and held_to >= bar_end + TIED_OVER
    if goes_on and _fills(target - start, held_to - start, pedal):
        return Struck(start, bar_end, group.notes, tied_on=True), target
    target = min(target, bar_end)
    kept = held_to - start
    if kept < OVER_OTHER_VOICE * (target - start):
        target = min(target, cut)
    pulse = timeline.pulse_at(start)
    beat = pulse.start + pulse.length
    if pulse.start < start and beat < target and not _runs_over(pulse, start, kept / (target - start), pedal):
        target = beat
    length = target - start
    if _fills(length, kept, pedal) or length <= BEAT:
        short = kept < STACCATO_BELOW * length and not pedal
        dotted = (short or not _fills(length, kept, pedal)) and length in STACCATO_LENGTHS
        return Struck(start, target, group.notes, staccato=dotted, kept=1.0 if pedal else kept / length), target
    stop = min(target, beat)
    while stop < target and stop < start + 0.7 * (held_to - start):
        stop = min(target, stop + pulse.length)
    return Struck(start, stop, group.notes), stop


def _runs_over(pulse: Pulse, start: int, share: float, pedal: bool) -> bool:
    """Whether a note that starts off the beat is written over the next one, for `share` of which its key is down."""
    if (start - pulse.start) * 2 == pulse.length:
        return share >= (OVER_BEAT_PEDALLED if pedal else OVER_BEAT)
    return share >= OVER_BEAT_WEAK


def _fills(distance: int, kept: float, pedal: bool) -> bool:
    """Whether a note whose key is down for `kept` ticks is written up to the next onset, `distance` ticks on."""
    share = kept / distance
    if distance <= QUICK:
        return True
    if distance <= BEAT:
        return share >= REST_BELOW_BEAT
    if distance <= TWO_BEATS:
        return share >= (REST_BELOW_TWO_PEDALLED if pedal else REST_BELOW_TWO)
    return share >= (REST_BELOW_LONG_PEDALLED if pedal else REST_BELOW_LONG)
