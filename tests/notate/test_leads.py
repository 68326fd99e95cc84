"""What the counts of printed scores say of the beginning of a pulse after the end of another."""

from __future__ import annotations

import numpy as np

from transcriber.notate.grids import GRIDS, grid_costs
from transcriber.notate.leads import LEADS, SILENT, lead, lead_costs

ON_THE_BEAT, WEAK = LEADS.index("on the beat"), LEADS.index("weak")


def test_where_a_pulse_ends() -> None:
    assert [LEADS[lead(slot, 4)] for slot in range(4)] == ["on the beat", "weak", "halfway", "weak"]
    assert [LEADS[lead(slot, 3)] for slot in range(3)] == ["on the beat", "weak", "weak"]


def test_a_beat_left_empty_after_a_weak_note_is_rarer_than_after_a_beat() -> None:
    costs = lead_costs("simple")[0]  # a pulse with one slot: a note on it, or none
    assert costs[WEAK, 1] > costs[ON_THE_BEAT, 1] + 0.5
    assert costs[WEAK, 0] < costs[SILENT, 0]


def test_they_turn_chances_into_chances() -> None:
    for kind, grids in GRIDS.items():
        for grid, added, first in zip(grids, lead_costs(kind), grid_costs(kind).first, strict=True):
            assert added.shape == (len(LEADS), grid + 1)
            chances = np.exp(-(first + added)).sum(axis=1)
            np.testing.assert_allclose(chances, 1.0, atol=0.05)  # both are smoothed, each in its way
