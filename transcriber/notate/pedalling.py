"""Pedal marks: the performed presses of the sustain pedal at written places."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Literal

import numpy as np

from transcriber.notate.timeline import Timeline
from transcriber.performance import Pedal

# Legato pedalling lifts for a moment at the new harmony: a lift up to this long between two presses is one change.
LIFT_S = 0.4
SHORTEST_S = 0.15  # a touch this short colours an attack and is not marked
# Of 38,000 presses by pianists at a Disklavier one in a thousand lasts longer; one that seems to was misheard.
LONGEST_S = 12.0
# Printed music has marks where the pedal belongs to the sound and leaves touches to the player: a press is marked
# where the pedal is down for half of the time around it. In performances of 47 pieces of Bach that leaves 0.3 marks a
# bar of 0.9, and in 35 of them none; of Mozart 0.6 of 1.5; of Chopin 1.5 of 1.6.
AROUND_S = 24.0
SETTLED = 0.5


@dataclass(frozen=True, slots=True)
class PedalStep:
    """`tick` is a place on the timeline."""

    tick: int
    kind: Literal["start", "change", "stop"]


def pedal_steps(pedals: Sequence[Pedal], timeline: Timeline, start: int, end: int) -> list[PedalStep]:
    """Starts, changes and stops on half pulses from tick `start` to `end`; each holds for a pulse at least."""
    presses = [pedal for pedal in pedals if SHORTEST_S <= pedal.off_s - pedal.on_s <= LONGEST_S]
    presses = _settled(presses, timeline.seconds_at(start), timeline.seconds_at(end))
    steps: list[PedalStep] = []
    last = start  # the place of the last step
    down = False
    for pedal, following in zip_longest(presses, presses[1:]):
        on, off = _snap(pedal.on_s, timeline), _snap(pedal.off_s, timeline)
        if off <= start or on >= end:
            continue
        if not down:
            last = max(on, last)
            steps.append(PedalStep(last, "start"))
            down = True
        pulse = timeline.pulse_at(last).length
        goes_on = following is not None and (
            following.on_s - pedal.off_s <= LIFT_S or _snap(following.on_s, timeline) < max(off, last + pulse // 2)
        )
        if goes_on and off < end:
            if off - last >= pulse:
                last = off
                steps.append(PedalStep(last, "change"))
        else:
            down = False
            if steps[-1].kind == "start" and off - last < pulse:
                steps.pop()
                continue
            last = min(end, max(off, last + pulse // 2))
            steps.append(PedalStep(last, "stop"))
    if down:
        steps.append(PedalStep(end, "stop"))
    return steps


def _settled(presses: Sequence[Pedal], start_s: float, end_s: float) -> list[Pedal]:
    """The presses of music from `start_s` to `end_s` among which the pedal is down more often than not."""
    on_s, off_s = np.array([(pedal.on_s, pedal.off_s) for pedal in presses]).reshape(-1, 2).T
    kept = []
    for pedal in presses:
        middle_s = (pedal.on_s + pedal.off_s) / 2
        first_s, last_s = max(start_s, middle_s - AROUND_S / 2), min(end_s, middle_s + AROUND_S / 2)
        down_s = np.clip(np.minimum(off_s, last_s) - np.maximum(on_s, first_s), 0, None).sum()
        if down_s >= SETTLED * (last_s - first_s):
            kept.append(pedal)
    return kept


def _snap(seconds: float, timeline: Timeline) -> int:
    tick = timeline.tick_at(seconds)
    pulse = timeline.pulse_at(int(tick))
    half = pulse.length // 2
    return pulse.start + round((tick - pulse.start) / half) * half
