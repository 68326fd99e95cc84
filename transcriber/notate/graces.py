"""What tells a grace note from a note with a place of its own: how it is struck.

A grace note mostly steps to its main note, comes soon before it and by itself, and time passes before it or after its
main note. What it would cost to give it a place in the beat, `rhythm` knows.
"""

from __future__ import annotations

from bisect import bisect_right

from transcriber.notate.moments import Moment

# Nats for a place of its own: a logistic regression over 99,000 pairs of a hand's moments at most LONGEST_GRACE_S apart
# in one performance of each training composition, 1,184 of which are printed as a grace note and what it leads to. On
# them its loss is 0.042 nats a pair; that of their share alone 0.065. A row: upper limits, and costs between them.
LONGEST_GRACE_S = 0.2
BASE = 4.06
DISTANCE_S = ((0.04, 0.06, 0.08, 0.1, 0.13), (0.12, -0.46, -0.33, -0.21, 0.31, 0.58))
DISTANCE_Q = ((0.06, 0.1, 0.14, 0.19, 0.28, 0.4), (-1.96, -1.17, -0.43, -0.04, 1.06, 1.36, 1.18))
INTERVAL = ((0.5, 1.5, 2.5, 4.5), (0.95, -0.61, -1.11, 0.28, 0.49))  # semitones to the nearest key of the main chord
HELD_ON = ((0.0, 0.15, 0.5), (0.19, -0.22, -0.14, 0.16))  # after the main note is struck, as a share of its length
ALONE, AS_CHORD = -0.66, 0.66
# The time since its hand's moment before (rows) and until the one after its main note (columns), in their distances.
PACE = (0.75, 1.4, 3.0, 6.0)
PACES = (
    (1.12, 1.33, 0.44, -0.66, -0.97),
    (1.21, 1.94, 1.5, -0.23, -0.62),
    (-0.09, 0.78, 1.68, 0.24, -0.16),
    (-0.73, -0.32, -0.02, -0.48, -1.08),
    (-0.52, -0.51, -0.66, -1.47, -1.74),
)
# Chosen among nine pairs on 53 training and development performances, by positions and grace notes found.
WEIGHT, DOUBT = 1.5, 1.0

Row = tuple[tuple[float, ...], tuple[float, ...]]


def grace_cost(before: Moment, now: Moment, quarter_s: float) -> float:
    """Nats by which `before` is rather no grace note of `now` in the hands that strike both."""
    staves = before.staves & now.staves
    distance_s = now.time_s - before.time_s
    own = [attack for attack in before.attacks if attack.staff in staves]
    pairs = [(grace, main) for grace in own for main in now.attacks if main.staff in staves]
    grace, main = min(pairs, key=lambda pair: abs(pair[0].pitch - pair[1].pitch))
    since = min(before.since_s[staff] for staff in staves) / distance_s
    until = min(now.until_s[staff] for staff in staves) / distance_s
    nats = (
        BASE
        + _at(DISTANCE_S, distance_s)
        + _at(DISTANCE_Q, distance_s / quarter_s)
        + _at(INTERVAL, abs(grace.pitch - main.pitch))
        + _at(HELD_ON, (grace.offset_s - main.onset_s) / max(main.offset_s - main.onset_s, 0.01))
        + PACES[bisect_right(PACE, since)][bisect_right(PACE, until)]
        + (AS_CHORD if len(own) > 1 else ALONE)
    )
    return WEIGHT * (nats + DOUBT)


def _at(row: Row, value: float) -> float:
    limits, costs = row
    return costs[bisect_right(limits, value)]
