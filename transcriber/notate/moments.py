"""Moments: what both hands strike together, before anything is known of the beat."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from transcriber.notate.ornaments import Attack
from transcriber.score import LOWER, UPPER

TOGETHER_S = 0.04  # onsets within this time are one moment


@dataclass(frozen=True)
class Moment:
    """`since_s` and `until_s` are the times to each staff's moments before and after."""

    time_s: float
    attacks: tuple[Attack, ...]
    staves: frozenset[int]
    since_s: tuple[float, float]
    until_s: tuple[float, float]


def find_moments(attacks: Sequence[Attack]) -> list[Moment]:
    """The moments of `attacks`, which are in (onset, pitch) order."""
    groups: list[list[Attack]] = []
    for attack in attacks:
        if not groups or attack.onset_s - groups[-1][0].onset_s > TOGETHER_S:
            groups.append([])
        groups[-1].append(attack)
    times_s = [sum(attack.onset_s for attack in group) / len(group) for group in groups]
    staves = [frozenset(attack.staff for attack in group) for group in groups]
    since_s = _distances_s(times_s, staves)
    until_s = _distances_s([-time_s for time_s in reversed(times_s)], staves[::-1])[::-1]
    return [
        Moment(time_s, tuple(group), own, since, until)
        for time_s, group, own, since, until in zip(times_s, groups, staves, since_s, until_s, strict=True)
    ]


def _distances_s(times_s: Sequence[float], staves: Sequence[frozenset[int]]) -> list[tuple[float, float]]:
    """The time since each staff's last moment at each of these; infinite where there was none."""
    heard_s = [-math.inf, -math.inf]
    distances_s = []
    for time_s, own in zip(times_s, staves, strict=True):
        distances_s.append((time_s - heard_s[UPPER], time_s - heard_s[LOWER]))
        for staff in own:
            heard_s[staff] = time_s
    return distances_s
