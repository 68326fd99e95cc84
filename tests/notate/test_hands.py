"""Hands: the shipped model on plain textures, and what the search guarantees."""

from __future__ import annotations

import numpy as np

from transcriber.notate.hands import find_hands, hand_scores
from transcriber.notate.linenetwork import IN_LINE, line_input
from transcriber.performance import Note
from transcriber.score import LOWER, UPPER


def texture(shift: int = 0) -> list[Note]:
    """An Alberti bass under a melody, `shift` semitones from C major."""
    bass = [48, 55, 52, 55]
    notes = []
    for step in range(64):
        onset_s = 0.15 * step
        notes.append(Note(onset_s, onset_s + 0.14, bass[step % 4] + shift, 50))
        if step % 4 == 0:
            notes.append(Note(onset_s, onset_s + 0.58, 72 + (step // 4) % 7 + shift, 70))
    return sorted(notes, key=lambda note: (note.onset_s, note.pitch))


def test_a_melody_over_an_alberti_bass() -> None:
    for shift in (-5, 0, 5):  # with the bass above middle C, or the melody near it
        notes = texture(shift)
        right = [UPPER if note.velocity == 70 else LOWER for note in notes]
        found = find_hands(notes)
        assert sum(a == b for a, b in zip(found, right, strict=True)) >= 0.98 * len(notes)


def test_no_hand_spans_more_than_it_can() -> None:
    notes = [Note(float(bar), bar + 0.9, pitch, 64) for bar in range(8) for pitch in (36, 48, 76, 88)]
    hands = find_hands(notes)
    assert hands == [LOWER, LOWER, UPPER, UPPER] * 8


def test_known_hands_are_kept() -> None:
    notes = texture()
    fixed = {3: UPPER, 10: LOWER}
    hands = find_hands(notes, fixed)
    assert (hands[3], hands[10]) == (UPPER, LOWER)


def test_the_smallest_performances() -> None:
    assert find_hands([]) == []
    assert find_hands([Note(0.0, 1.0, 90, 64)]) == [UPPER]
    assert find_hands([Note(0.0, 1.0, 30, 64)]) == [LOWER]
    assert hand_scores([Note(0.0, 1.0, 60, 64)]).shape == (1,)


def test_each_note_is_told_of_its_neighbours() -> None:
    onset = np.array([0.0, 1.0, 1.0, 1.5, 9.0])
    pitch = np.array([60.0, 55.0, 64.0, 62.0, 62.0])
    neighbours = line_input(onset, onset + 0.4, pitch).neighbours
    before_above, before_below, after_above, after_below = (
        neighbours[:, IN_LINE * side : IN_LINE * (side + 1)].tolist() for side in range(4)
    )
    assert before_above[3] == [2, -1]
    assert before_below[3] == [1, 0]  # the nearer in time, though five semitones lower
    assert after_above[0] == [2, 3]
    assert after_below[2] == [3, -1]
    assert neighbours[1, -2:].tolist() == [2, -1]
    assert neighbours[4].tolist() == [-1] * neighbours.shape[1]  # too far from everything
