"""One or two voices on a staff, and where each written note ends.

A note runs to the next onset of its voice, as an engraver would write it, unless the hand clearly rested. A second
voice is opened only where a note is held while others of its hand move entirely above or entirely below it: one voice
with chords is easier to read. The figures are counts over 418,000 aligned notes of the training compositions.
"""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from dataclasses import dataclass, replace

from transcriber.notate.rhythm import Placed
from transcriber.notate.timeline import TICKS, Pulse, Timeline

# A note held past the next onset of its staff is written longer than that onset in 72 % of cases from 1.5 times the
# distance on; where the distance is a half beat or less, only from 2.5 times on (63 %).
HELD_RATIO, HELD_RATIO_QUICK = 1.5, 2.5
QUICK = round(0.6 * TICKS)
# A note struck alone in its staff is often held on in playing only, as in broken chords: where the next onset follows
# within a sixteenth, it is written longer in 38 % of cases below 4 times the distance, in 74 % from there on; off the
# beat in 44 % below 6 times, in 79 % from there on.
HELD_RATIO_ALONE, HELD_RATIO_ALONE_OFF_BEAT = 4.0, 6.0
SIXTEENTH = round(0.3 * TICKS)
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
OVER_OTHER_VOICE = 0.75  # a note outlasts an onset of the other voice only if its key is down for most of the way
STACCATO_BELOW = 0.2  # the share of dots among notes this short is highest (18 %)
STACCATO_LENGTHS = {TICKS // 2, TICKS, TICKS // 3}  # eighths and quarters, plain or in triplets
# Dots are a passage's and not a note's: among the notes of one value within so many chords, most are short or none is.
PASSAGE = 4
PASSAGE_SHORT = 0.3
PASSAGE_DOTTED, PASSAGE_PLAIN = 0.6, 0.4
TIED_OVER = TICKS // 4  # a note is tied over the bar line if it is held at least a sixteenth beyond it

# Costs of the search for two voices, in quarters of lost length.
SECOND_VOICE = 1.0
SECOND_VOICE_CHORD = 0.15
CUT_SHORT = 0.5
CUT_SHORT_MOST = 1.5
MIXED_CHORD = 0.3
CROSSING = 1.0
BEAM = 8


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
    """Notes of one staff that start together, and until when each is held as a voice of its own (None: it is not)."""

    start: int
    notes: tuple[Placed, ...]
    held: tuple[int | None, ...]
    next_start: int  # the next onset of the staff, or the end of the music


@dataclass(frozen=True, slots=True)
class _Path:
    cost: float
    divisions: tuple[int, ...]  # how many notes of each group go to the lower voice
    until: tuple[int, int] = (0, 0)  # to where the notes of (upper, lower) are held
    pitch: tuple[int, int] = (0, 0)  # their highest or lowest pitch, for crossings
    divided: bool = False


def find_voices(
    notes: Sequence[Placed], pedalled: frozenset[int], timeline: Timeline, *, single: bool = False
) -> list[BarVoices]:
    """The voices of one staff, bar by bar; `single` allows no second one.

    `pedalled` holds the sources that sound on after their key is released.
    """
    starts = sorted({note.onset for note in notes})
    by_start: dict[int, list[Placed]] = {start: [] for start in starts}
    for note in notes:
        by_start[note.onset].append(note)
    bars: list[BarVoices] = []
    carried: dict[int, tuple[Struck, int]] = {}  # by voice, the chord tied over the bar line and where it ends
    for first, end in zip(timeline.bar_starts, timeline.bar_starts[1:], strict=False):
        own = starts[bisect.bisect_left(starts, first) : bisect.bisect_left(starts, end)]
        following = bisect.bisect_left(starts, end)
        after = starts[following] if following < len(starts) else end
        groups = [
            _group(start, by_start, [*own[position + 1 :], after], end, timeline, single)
            for position, start in enumerate(own)
        ]
        lines: list[list[Struck]] = [[], []]
        for voice, (chord, until) in carried.items():
            lines[voice].append(Struck(first, min(until, end), chord.notes, tied_from=True, tied_on=until > end))
        carried = {voice: held for voice, held in carried.items() if held[1] > end}
        for voice, members in enumerate(_divide(groups)):
            for position, group in enumerate(members):
                nearest = members[position + 1].start if position + 1 < len(members) else None
                struck, until = _end(group, nearest, end, after, pedalled, timeline)
                lines[voice].append(struck)
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


def _group(
    start: int, by_start: dict[int, list[Placed]], later: list[int], bar_end: int, timeline: Timeline, single: bool
) -> _Group:
    notes = tuple(sorted(by_start[start], key=lambda note: note.attack.pitch))
    held = tuple(None if single else _held_until(note, by_start, later, bar_end, timeline) for note in notes)
    return _Group(start, notes, held, later[0])


def _held_until(
    note: Placed, by_start: dict[int, list[Placed]], later: list[int], bar_end: int, timeline: Timeline
) -> int | None:
    """To which beat, or onset within its first beat, a note is held while the others of its staff move on."""
    distance = later[0] - note.onset
    pulse = timeline.pulse_at(note.onset)
    ratio = HELD_RATIO if distance > QUICK else HELD_RATIO_QUICK
    if len(by_start[note.onset]) == 1 and pulse.start < note.onset:
        ratio = HELD_RATIO_ALONE_OFF_BEAT
    elif len(by_start[note.onset]) == 1 and distance <= SIXTEENTH:
        ratio = HELD_RATIO_ALONE
    if later[0] >= bar_end or note.held - note.onset < ratio * distance:
        return None
    within = note.onset + pulse.length
    stops = {pulse.start for pulse in timeline.pulses_between(note.onset + 1, bar_end)} | {bar_end}
    stops |= {tick for tick in later if tick <= min(within, bar_end)}
    until = min(sorted(stops), key=lambda tick: abs(tick - note.held))
    if until <= later[0]:
        return None
    moving = [other.attack.pitch for tick in later if tick < until for other in by_start[tick]]
    if all(pitch > note.attack.pitch for pitch in moving) or all(pitch < note.attack.pitch for pitch in moving):
        return until
    return None


def _divide(groups: Sequence[_Group]) -> tuple[list[_Group], list[_Group]]:
    """The groups of a bar in an upper and a lower voice; all in the upper where nothing needs a second voice."""
    if not any(until is not None for group in groups for until in group.held):
        return list(groups), []
    paths = [_Path(0.0, ())]
    for group in groups:
        grown: dict[tuple[tuple[int, int], tuple[int, int], bool], _Path] = {}
        for path in paths:
            for division in range(len(group.notes) + 1):
                new = _grow(path, group, division)
                state = (new.until, new.pitch, new.divided)
                if state not in grown or new.cost < grown[state].cost:
                    grown[state] = new
        paths = sorted(grown.values(), key=lambda path: path.cost)[:BEAM]
    upper: list[_Group] = []
    lower: list[_Group] = []
    for group, division in zip(groups, paths[0].divisions, strict=True):
        if division < len(group.notes):
            upper.append(replace(group, notes=group.notes[division:], held=group.held[division:]))
        if division:
            lower.append(replace(group, notes=group.notes[:division], held=group.held[:division]))
    return (upper, lower) if upper else (lower, [])


def _grow(path: _Path, group: _Group, division: int) -> _Path:
    """Continue `path` with the lowest `division` notes of `group` in the lower voice and the others in the upper."""
    cost = path.cost
    until, pitch = list(path.until), list(path.pitch)
    for voice, part in ((0, slice(division, None)), (1, slice(0, division))):
        notes, held = group.notes[part], group.held[part]
        if not notes:
            continue
        if until[voice] > group.start:
            cost += CUT_SHORT + min(CUT_SHORT_MOST, (until[voice] - group.start) / TICKS)
        longest = [end for end in held if end is not None]
        if longest and len(longest) < len(held):
            cost += MIXED_CHORD
        other = 1 - voice
        edge = notes[0].attack.pitch if voice == 0 else notes[-1].attack.pitch
        if until[other] > group.start and (edge < pitch[other] if voice == 0 else edge > pitch[other]):
            cost += CROSSING
        until[voice] = max(longest, default=0)
        pitch[voice] = notes[-1].attack.pitch if voice == 1 else notes[0].attack.pitch
    divided = path.divided or division > 0
    cost += SECOND_VOICE * (divided and not path.divided) + SECOND_VOICE_CHORD * (division > 0)
    return _Path(cost, (*path.divisions, division), (until[0], until[1]), (pitch[0], pitch[1]), divided)


def _end(
    group: _Group, nearest: int | None, bar_end: int, after: int, pedalled: frozenset[int], timeline: Timeline
) -> tuple[Struck, int]:
    """The chord with its end within the bar, and its true end where it is tied on beyond the bar line."""
    start = group.start
    held_to = max(note.held for note in group.notes)
    pedal = any(note.attack.source in pedalled for note in group.notes)
    longest = max((until for until in group.held if until is not None), default=None)
    target = nearest if nearest is not None else after
    if longest is not None:
        return Struck(start, min(longest, target, bar_end), group.notes), bar_end
    goes_on = target > bar_end and target == group.next_start and held_to >= bar_end + TIED_OVER
    if goes_on and _fills(target - start, held_to - start, pedal):
        return Struck(start, bar_end, group.notes, tied_on=True), target
    target = min(target, bar_end)
    kept = held_to - start
    if target > group.next_start and kept < OVER_OTHER_VOICE * (target - start):
        target = group.next_start
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
