"""Pedal marks: the performed presses of the sustain pedal at written places."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Literal

from transcriber.notate.timeline import Timeline
from transcriber.performance import Pedal

# Legato pedalling lifts for a moment at the new harmony: a lift up to this long between two presses is one change.
LIFT_S = 0.4
SHORTEST_S = 0.15  # a touch this short colours an attack and is not marked
# Of 38,000 presses by pianists at a Disklavier one in a thousand lasts longer; one that seems to was misheard.
LONGEST_S = 12.0


@dataclass(frozen=True, slots=True)
class PedalStep:
    """`tick` is a place on the timeline."""

    tick: int
    kind: Literal["start", "change", "stop"]


def pedal_steps(pedals: Sequence[Pedal], timeline: Timeline, start: int, end: int) -> list[PedalStep]:
    """Starts, changes and stops on half pulses from tick `start` to `end`; each holds for a pulse at least."""
    presses = [pedal for pedal in pedals if SHORTEST_S <= pedal.off_s - pedal.on_s <= LONGEST_S]
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


def _snap(seconds: float, timeline: Timeline) -> int:
    tick = timeline.tick_at(seconds)
    pulse = timeline.pulse_at(int(tick))
    half = pulse.length // 2
    return pulse.start + round((tick - pulse.start) / half) * half
