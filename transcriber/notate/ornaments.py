"""Slips, rolled chords, loose chords and trills, found in performed time before anything is quantised.

A rolled chord is struck from the bottom up and held together; it is written at one moment. So is a chord with a late
note, which is told from a rhythm by standing alone: nothing else is struck nearby at that pace. A trill is a quick
alternation of two neighbouring keys; it is written as one note. Grace notes need the beat to be told from quick notes:
the quantiser finds them (see `rhythm`).
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from transcriber.notate.slips import SLIP_REASON, find_slips
from transcriber.performance import Note
from transcriber.score import LOWER, UPPER

ROLL_GAP_S = 0.1  # slower spreads are broken chords with values of their own
ROLL_SPREAD_S = 0.045  # quicker ones are plain chords (95 % of written chords in the aligned scores lie within 35 ms)
ROLL_NOTES = 3
ROLL_HELD_S = 0.1  # every key is still down this long after the last one is struck
ROLL_REST = 1.8  # the next note comes later than the roll's own pace by this factor
# A late note belongs to the chord before it where nothing else is struck in its hand within `alone` times their
# distance and both are held for `held` times it after the second. Of the pairs in one hand that this gathers in the
# training performances one written chord are 80 % of 1008 up to 60 ms, 97 % of 870 up to 80 ms (both held for longer),
# 86 % of 78 up to 100 ms, 83 % of 36 beyond and, where the hand then rests as at an end, 89 % of 36. Beyond 80 ms the
# short note of a dotted rhythm, which stands alone for three times its distance, must not be taken for one.
LATE_FROM_S = 0.035
LATE = ((0.06, 3.0, 0.5), (0.08, 3.0, 1.0), (0.1, 5.0, 2.0), (0.16, 6.0, 2.0))  # (at most so late in s, alone, held)
LATE_AT_REST_S, LATE_REST_S = 0.16, 1.5
LATE_AT_REST = (6.0, 2.0)  # alone before, held
TRILL_NOTES = 6
TRILL_GAP_S = 0.16  # longest step inside a trill; the mean step is at most TRILL_PACE_S
TRILL_PACE_S = 0.11  # nine notes a second; sixteenths at 136 quarters a minute
TRILL_NOTE_S = 0.25  # a note held longer than this is no shake of a trill, but what it leads to
TRILL_REASON = "played as part of a trill, which is written as one note"


@dataclass(frozen=True, slots=True)
class Attack:
    """A note to be written, at the moment that it stands for. `source` indexes the performance's notes."""

    source: int
    pitch: int
    velocity: int
    confidence: float
    onset_s: float
    offset_s: float
    staff: int
    rolled: bool = False
    trill: bool = False


def find_attacks(
    notes: Sequence[Note], sources: Sequence[int], staves: Sequence[int]
) -> tuple[list[Attack], dict[int, str]]:
    """What is to be written, in (onset, pitch) order, and for each source that it swallows the reason."""
    attacks = [
        Attack(source, note.pitch, note.velocity, note.confidence, note.onset_s, note.offset_s, staff)
        for source, note, staff in zip(sources, notes, staves, strict=True)
    ]
    slips = find_slips(notes)
    attacks, swallowed = _write_trills([attack for index, attack in enumerate(attacks) if index not in slips])
    swallowed.update((sources[index], SLIP_REASON) for index in slips)
    attacks = _gather_late(_gather_rolls(attacks))
    return sorted(attacks, key=lambda attack: (attack.onset_s, attack.pitch)), swallowed


def _write_trills(attacks: list[Attack]) -> tuple[list[Attack], dict[int, str]]:
    by_pitch: dict[int, list[Attack]] = defaultdict(list)
    for attack in attacks:
        by_pitch[attack.pitch].append(attack)
    written: dict[int, Attack] = {}
    swallowed: dict[int, str] = {}
    for low in sorted(by_pitch):
        for high in (low + 1, low + 2):
            both = sorted(by_pitch[low] + by_pitch.get(high, []), key=lambda attack: attack.onset_s)
            for run in _alternations(both):
                if any(attack.source in swallowed or attack.source in written for attack in run):
                    continue
                main = next(attack for attack in run if attack.pitch == low)
                written[main.source] = replace(
                    main,
                    onset_s=run[0].onset_s,
                    offset_s=max(attack.offset_s for attack in run),
                    velocity=max(attack.velocity for attack in run),
                    trill=True,
                )
                swallowed.update((attack.source, TRILL_REASON) for attack in run if attack is not main)
    kept = [written.get(attack.source, attack) for attack in attacks if attack.source not in swallowed]
    return kept, swallowed


def _alternations(attacks: Sequence[Attack]) -> list[list[Attack]]:
    """Runs of quickly alternating pitches that are long enough for a trill."""
    runs: list[list[Attack]] = []
    run: list[Attack] = []
    for attack in attacks:
        follows = run and attack.pitch != run[-1].pitch and attack.onset_s - run[-1].onset_s <= TRILL_GAP_S
        if follows and attack.offset_s - attack.onset_s <= TRILL_NOTE_S:
            run.append(attack)
        else:
            runs.append(run)
            run = [attack]
    runs.append(run)
    return [
        run
        for run in runs
        if len(run) >= TRILL_NOTES and run[-1].onset_s - run[0].onset_s <= TRILL_PACE_S * (len(run) - 1)
    ]


def _gather_rolls(attacks: list[Attack]) -> list[Attack]:
    """Move the notes of each rolled chord to the moment of its last note."""
    ordered = sorted(attacks, key=lambda attack: (attack.onset_s, attack.pitch))
    result = list(ordered)
    start = 0
    while start < len(ordered):
        end = start + 1
        while (
            end < len(ordered)
            and ordered[end].pitch > ordered[end - 1].pitch
            and ordered[end].onset_s - ordered[end - 1].onset_s <= ROLL_GAP_S
        ):
            end += 1
        if _is_roll(ordered, start, end):
            moment_s = ordered[end - 1].onset_s
            for index in range(start, end):
                result[index] = replace(ordered[index], onset_s=moment_s, rolled=True)
            start = end
        else:
            start += 1
    return result


def _is_roll(ordered: Sequence[Attack], start: int, end: int) -> bool:
    if end - start < ROLL_NOTES:
        return False
    first, last = ordered[start], ordered[end - 1]
    spread_s = last.onset_s - first.onset_s
    if spread_s < ROLL_SPREAD_S or min(attack.offset_s for attack in ordered[start:end]) < last.onset_s + ROLL_HELD_S:
        return False
    pace_s = spread_s / (end - start - 1)
    after_s = ordered[end].onset_s - last.onset_s if end < len(ordered) else ROLL_GAP_S * ROLL_REST
    before_s = first.onset_s - ordered[start - 1].onset_s if start else ROLL_GAP_S * ROLL_REST
    return min(after_s, before_s) >= ROLL_REST * pace_s


def _gather_late(attacks: list[Attack]) -> list[Attack]:
    """Move a late note of a chord to the moment of the chord that it belongs to."""
    result: list[Attack] = []
    for staff in (UPPER, LOWER):
        own = sorted((attack for attack in attacks if attack.staff == staff), key=lambda a: (a.onset_s, a.pitch))
        moments: list[list[Attack]] = []
        for attack in own:
            if not moments or attack.onset_s - moments[-1][0].onset_s > LATE_FROM_S:
                moments.append([])
            moments[-1].append(attack)
        ends_s = [-math.inf, *(moment[0].onset_s for moment in moments), math.inf]
        moved: list[list[Attack]] = []
        for place, moment in enumerate(moments):
            chord = moved[-1] if moved else []
            if chord and _is_late(chord, moment, ends_s[place - 1], ends_s[place + 2]):
                moved[-1] = chord + [replace(attack, onset_s=chord[0].onset_s) for attack in moment]
            else:
                moved.append(list(moment))
        result.extend(attack for moment in moved for attack in moment)
    return result


def _is_late(chord: Sequence[Attack], late: Sequence[Attack], before_s: float, after_s: float) -> bool:
    """Whether `late` belongs to `chord`, given what is struck in this hand before the chord and after `late`."""
    first_s, last_s = chord[0].onset_s, late[0].onset_s
    step_s = last_s - first_s
    if step_s <= LATE_FROM_S or {a.pitch for a in chord} & {a.pitch for a in late}:
        return False
    if any(attack.trill for attack in (*chord, *late)):
        return False
    alone_before, alone_after = (first_s - before_s) / step_s, (after_s - last_s) / step_s
    kept = (min(attack.offset_s for attack in (*chord, *late)) - last_s) / step_s
    at_rest = step_s <= LATE_AT_REST_S and after_s - last_s >= LATE_REST_S
    if at_rest and alone_before >= LATE_AT_REST[0] and kept >= LATE_AT_REST[1]:
        return True
    limits = next(((alone, held) for latest_s, alone, held in LATE if step_s <= latest_s), (math.inf, math.inf))
    return min(alone_before, alone_after) >= limits[0] and kept >= limits[1]
