"""Where each note is written: performed onsets placed on the grids of their pulses.

Onsets of both hands that are struck together form a *moment*. A Viterbi search places every moment on a slot of a grid
(see `grids`), so that the performed times are met, timing drifts smoothly, and the rhythm is one that readers expect.
Moments may share a slot: hands that are not quite together, spread chords, and grace notes before the note that they
lead to.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from transcriber.notate.grids import GRIDS, PulseKind, grid_costs, pulse_kind
from transcriber.notate.leads import SILENT, lead, lead_costs
from transcriber.notate.ornaments import Attack
from transcriber.notate.timeline import TICKS, Pulse, Timeline
from transcriber.score import LOWER, UPPER

FloatArray = npt.NDArray[np.float64]

# These figures were chosen by a random search on 60 training performances (right position for 93.1 % of their notes).
TOGETHER_S = 0.04  # onsets within this time are one moment
# Scales of the timing error, in seconds: floor + share of the pulse. In the aligned performances the median error is
# 6 ms on the beat, and 10 ms + 3 % of the pulse between beats; the floor also holds the jitter of transcription.
ON_BEAT_S, ON_BEAT_SHARE = 0.015, 0.012
OFF_BEAT_S, OFF_BEAT_SHARE = 0.025, 0.035
# Of the change of error from one moment to the next: floor + share of their distance.
DRIFT_S, DRIFT_SHARE = 0.008, 0.08
ERROR_WEIGHT, DRIFT_WEIGHT = 0.6, 0.7  # the two see the same deviation, so that neither counts in full
WORST_ERROR = 15.0  # nats at which a deviation stops to count
ASYNCHRONY_S, ASYNCHRONY_SHARE = 0.024, 0.024  # between the hands: floor + share of the pulse
SPREAD_S = 0.0145  # within one hand's chord
CHORD_SPREAD_S = 0.05  # notes that share a slot and are struck closer than this are a chord, not grace and main note
# Up to so far apart they are one still if they leap: a grace note mostly steps. Of the notes that were written as grace
# notes in 26 training performances two in five are none for it.
WIDE_CHORD_SPREAD_S, STEP = 0.1, 2
# One printed note in a hundred is a grace note, mostly within 0.1 s of its main note. It follows what was before it
# less closely than it leads on, where runs are even.
GRACE_COST, GRACE_S = 6.5, 0.1
EVEN_PACE, EVEN_COST = 1.1, 3.0
LONGEST_GRACE_S = 0.2
REPEATED_COST = 8.0  # one key struck twice cannot be one chord
CROWDED_COST = 25.0  # more moments than slots: the last resort
IMPOSSIBLE = 1e6
# What a hand strikes by itself at most so long before a beat and holds over it, instead of a run up to the beat, is
# printed on the beat in 78 % of 93 cases, and where it was heard in 3 %.
EARLY = TICKS // 6
FAR_PULSES = 3  # a rest of this many pulses and more counts alike


@dataclass(frozen=True, slots=True)
class Placed:
    """An attack at its written position in ticks. `held` is where its key is released, a position on the same ruler.

    `graces` are the attacks that are written before it as grace notes.
    """

    attack: Attack
    onset: int
    held: float
    graces: tuple[Attack, ...] = ()


@dataclass(frozen=True)
class _Moment:
    time_s: float
    attacks: tuple[Attack, ...]
    staves: frozenset[int]
    since_s: tuple[float, float]  # time since each staff's moment before


@dataclass(frozen=True)
class _States:
    """All (grid, slot, shift) of one kind of pulse; shift -1 or +1 means the pulse before or after the moment's own."""

    kind: PulseKind
    grid: npt.NDArray[np.int64]
    slot: npt.NDArray[np.int64]
    shift: npt.NDArray[np.int64]
    place: FloatArray  # slot / grid


def place(attacks: Sequence[Attack], timeline: Timeline) -> tuple[list[Placed], dict[int, str]]:
    """Every attack placed or, where a key was struck twice within one written moment, its source with the reason."""
    moments = _moments(attacks)
    ticks = _slots(moments, timeline)
    placed: list[Placed] = []
    doubled: dict[int, str] = {}
    groups: dict[tuple[int, int], list[_Moment]] = {}
    for moment, tick in zip(moments, ticks, strict=True):
        for staff in sorted(moment.staves):
            groups.setdefault((tick, staff), []).append(moment)
    for (tick, staff), together in sorted(_early_on_the_beat(groups, timeline).items(), key=lambda item: item[0]):
        mains, graces, repeated = _sort_out(together, staff)
        doubled.update((attack.source, "struck twice within one written moment") for attack in repeated)
        for position, attack in enumerate(mains):
            held = max(timeline.tick_at(attack.offset_s), tick + 1.0)
            placed.append(Placed(attack, tick, held, tuple(graces) if position == len(mains) - 1 else ()))
    return placed, doubled


def _moments(attacks: Sequence[Attack]) -> list[_Moment]:
    groups: list[list[Attack]] = []
    for attack in attacks:
        if not groups or attack.onset_s - groups[-1][0].onset_s > TOGETHER_S:
            groups.append([])
        groups[-1].append(attack)
    moments = []
    heard_s = [-math.inf, -math.inf]
    for group in groups:
        time_s = sum(attack.onset_s for attack in group) / len(group)
        staves = frozenset(attack.staff for attack in group)
        moments.append(_Moment(time_s, tuple(group), staves, (time_s - heard_s[UPPER], time_s - heard_s[LOWER])))
        for staff in staves:
            heard_s[staff] = time_s
    return moments


def _early_on_the_beat(
    groups: Mapping[tuple[int, int], list[_Moment]], timeline: Timeline
) -> dict[tuple[int, int], list[_Moment]]:
    """The moments by (tick, staff): what a hand strikes a little before a beat and holds over it is on the beat."""
    placed = dict(groups)
    for staff in (UPPER, LOWER):
        ticks = [-math.inf, *sorted(tick for tick, own in groups if own == staff), math.inf]
        for before, tick, after in zip(ticks, ticks[1:-1], ticks[2:], strict=False):
            pulse = timeline.pulse_at(int(tick))
            beat = pulse.start + pulse.length
            early = beat - tick
            if early > EARLY or after <= beat or tick - before <= early or beat >= timeline.bar_starts[-1]:
                continue
            own = [attack for moment in groups[int(tick), staff] for attack in moment.attacks if attack.staff == staff]
            if timeline.tick_at(max(attack.offset_s for attack in own)) >= beat + early:
                placed[beat, staff] = placed.pop((int(tick), staff))
    return placed


def _sort_out(together: list[_Moment], staff: int) -> tuple[list[Attack], list[Attack], list[Attack]]:
    """One hand's attacks at one position as (main chord from the bottom up, graces in order, doubled attacks)."""
    own = [[attack for attack in moment.attacks if attack.staff == staff] for moment in together]
    last = own[-1]
    last_s = min(attack.onset_s for attack in last)
    longest_s = max(attack.offset_s - attack.onset_s for attack in last)
    mains = list(last)
    graces: list[Attack] = []
    doubled: list[Attack] = []
    for earlier in reversed(own[:-1]):
        for attack in reversed(earlier):
            early_s = last_s - attack.onset_s
            held_on = attack.offset_s - last_s >= 0.5 * longest_s
            leaps = min(abs(attack.pitch - main.pitch) for main in last) > STEP
            spread_s = WIDE_CHORD_SPREAD_S if leaps else CHORD_SPREAD_S
            if early_s <= spread_s or (held_on and early_s <= LONGEST_GRACE_S):
                mains.append(attack)
            else:
                graces.insert(0, attack)
    chord: dict[int, Attack] = {}
    for attack in sorted(mains, key=lambda attack: -(attack.offset_s - attack.onset_s)):
        if attack.pitch in chord:
            doubled.append(attack)
        else:
            chord[attack.pitch] = attack
    return [chord[pitch] for pitch in sorted(chord)], graces, doubled


def _slots(moments: Sequence[_Moment], timeline: Timeline) -> list[int]:
    """The position of each moment in ticks, by Viterbi."""
    if not moments:
        return []
    pulses = timeline.pulses
    at = [timeline.pulse_index_at(moment.time_s) for moment in moments]
    states = [_states(pulse_kind(pulses[index].length)) for index in at]
    errors, emissions = _errors_and_emissions(pulses, at, states, [moment.time_s for moment in moments])
    cost = emissions[0] + _opening(states[0].kind)
    back: list[npt.NDArray[np.int64]] = []
    for index in range(1, len(moments)):
        distance = min(at[index] - at[index - 1], FAR_PULSES)
        moving, (new, old) = _moving(states[index - 1].kind, states[index].kind, distance)
        step_s = moments[index].time_s - moments[index - 1].time_s
        drift = np.abs(errors[index][:, None] - errors[index - 1]) * (DRIFT_WEIGHT / (DRIFT_S + DRIFT_SHARE * step_s))
        total = cost + moving + np.minimum(drift, WORST_ERROR)
        joining, is_grace = _joining_cost(moments[index - 1], moments[index], pulses[at[index]].duration_s)
        before = emissions[index - 1]
        refund = np.where(before < IMPOSSIBLE, before, 0.0) if is_grace else 0.0
        total[new, old] = (cost - refund + joining)[old]
        source = total.argmin(axis=1)
        back.append(source)
        cost = total[np.arange(len(source)), source] + emissions[index]
        cost -= cost.min()
    state = int(np.argmin(cost))
    ticks = [0] * len(moments)
    for index in range(len(moments) - 1, -1, -1):
        chosen = states[index]
        pulse = pulses[at[index] + int(chosen.shift[state])] if chosen.shift[state] <= 0 else None
        own = pulses[at[index]]
        if pulse is None:
            ticks[index] = own.start + own.length
        else:
            ticks[index] = pulse.start + pulse.length * int(chosen.slot[state]) // int(chosen.grid[state])
        if index:
            state = int(back[index - 1][state])
    return ticks


@cache
def _states(kind: PulseKind) -> _States:
    rows = [(grid, slot, 0) for grid in GRIDS[kind] for slot in range(grid)]
    rows += [(grid, 0, 1) for grid in GRIDS[kind]]
    rows += [(grid, grid - 1, -1) for grid in GRIDS[kind] if grid > 1]
    grid, slot, shift = np.array(rows, np.int64).T
    return _States(kind, grid, slot, shift, slot / grid)


def _errors_and_emissions(
    pulses: Sequence[Pulse], at: Sequence[int], states: Sequence[_States], times_s: Sequence[float]
) -> tuple[list[FloatArray], list[FloatArray]]:
    """For each moment the seconds by which it is late for each of its states, and what they cost. Shape: (states,)."""
    starts_s, ends_s = (np.array([getattr(pulse, end) for pulse in pulses]) for end in ("start_s", "end_s"))
    durations_s = ends_s - starts_s
    kinds = [pulse_kind(pulse.length) for pulse in pulses]
    errors: list[FloatArray] = [np.empty(0)] * len(at)
    emissions = list(errors)
    for kind in {found.kind for found in states}:
        of_kind, moments = _states(kind), [moment for moment, found in enumerate(states) if found.kind == kind]
        own = np.array([at[moment] for moment in moments])[:, None]
        before = np.maximum(own - 1, 0)
        expected_s = np.where(
            of_kind.shift == 0,
            starts_s[own] + of_kind.place * durations_s[own],
            np.where(of_kind.shift > 0, ends_s[own], starts_s[before] + of_kind.place * durations_s[before]),
        )
        late_s = np.array([times_s[moment] for moment in moments])[:, None] - expected_s
        on_beat = ON_BEAT_S + ON_BEAT_SHARE * durations_s[own]
        off_beat = OFF_BEAT_S + OFF_BEAT_SHARE * durations_s[own]
        cost = np.minimum(ERROR_WEIGHT * np.abs(late_s) / np.where(of_kind.slot == 0, on_beat, off_beat), WORST_ERROR)
        no_way_back = np.array([place == 0 or kinds[place - 1] != kind for place in own[:, 0].tolist()])[:, None]
        cost[no_way_back & (of_kind.shift < 0)] = IMPOSSIBLE
        cost[(own + 1 == len(pulses)) & (of_kind.shift > 0)] = IMPOSSIBLE
        for moment, late, costs in zip(moments, late_s, cost, strict=True):
            errors[moment], emissions[moment] = late, costs
    return errors, emissions


@cache
def _opening(kind: PulseKind) -> FloatArray:
    states, costs = _states(kind), grid_costs(kind)
    return np.array([costs.first[GRIDS[kind].index(g)][s] for g, s in zip(states.grid, states.slot, strict=True)])


@cache
def _moving(
    kind: PulseKind, next_kind: PulseKind, distance: int
) -> tuple[FloatArray, tuple[npt.NDArray[np.intp], ...]]:
    """Cost of each state after each other, their moments `distance` pulses apart, and which pairs share a slot.

    Shape: (states after, states before), and the indices of the pairs along both.
    """
    old, new = _states(kind), _states(next_kind)
    old_costs, new_costs, leads = grid_costs(kind), grid_costs(next_kind), lead_costs(next_kind)
    total = np.full((len(old.grid), len(new.grid)), IMPOSSIBLE)
    same = np.zeros(total.shape, np.bool_)
    for i, (grid, slot, shift) in enumerate(zip(old.grid, old.slot, old.shift, strict=True)):
        a = old_costs.grids.index(grid)
        for j, (next_grid, next_slot, next_shift) in enumerate(zip(new.grid, new.slot, new.shift, strict=True)):
            b = new_costs.grids.index(next_grid)
            apart = distance + next_shift - shift
            if apart == 0 and grid == next_grid and (kind == next_kind or shift > 0 or next_slot == slot == 0):
                if next_slot > slot:
                    total[i, j] = new_costs.jump[b][slot, next_slot]
                same[i, j] = next_slot == slot
            elif apart > 0:
                follow = old_costs.follow[a, b] if kind == next_kind else 0.0
                ended = lead(slot, grid)
                empty = (apart - 1) * (new_costs.follow[0, 0] + new_costs.first[0][1])
                if apart > 1:
                    empty += leads[0][ended, 1] + (apart - 2) * leads[0][SILENT, 1]
                    ended = SILENT
                begin = new_costs.first[b][next_slot] + leads[b][ended, next_slot]
                total[i, j] = old_costs.jump[a][slot, grid] + follow + empty + begin
    return np.ascontiguousarray(total.T), same.T.nonzero()


def _joining_cost(before: _Moment, now: _Moment, pulse_s: float) -> tuple[float, bool]:
    """What it costs two moments to share a slot, and whether the earlier one is then a grace note."""
    gap_s = now.time_s - before.time_s
    if {attack.pitch for attack in before.attacks} & {attack.pitch for attack in now.attacks}:
        return CROWDED_COST + REPEATED_COST, False
    if not before.staves & now.staves:
        return min(gap_s / (ASYNCHRONY_S + ASYNCHRONY_SHARE * pulse_s), CROWDED_COST), False
    spread = gap_s / SPREAD_S
    grace = GRACE_COST + gap_s / GRACE_S if gap_s <= LONGEST_GRACE_S else CROWDED_COST
    if min(before.since_s[staff] for staff in before.staves & now.staves) < EVEN_PACE * gap_s:
        grace += EVEN_COST
    return (spread, False) if spread <= grace else (min(grace, CROWDED_COST), grace < CROWDED_COST)
