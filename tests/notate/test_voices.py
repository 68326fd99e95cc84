"""Voices of a staff: the shipped model on plain textures, and what holds whatever it says."""

from __future__ import annotations

import numpy as np
import pytest

from tests.notate.score_rules import assert_well_formed, meter_of, write
from transcriber.notate import voices
from transcriber.notate.training.voices import EXCERPT, StaffNotes, excerpt, lower_voices
from transcriber.notate.voicescores import PLACES, VOICE_FEATURES
from transcriber.performance import Note, Performance
from transcriber.score import UPPER, Score, TimeSignature

BEAT_S = 0.6


def played(events: list[tuple[float, float, int]]) -> Performance:
    """(beat, beats held, pitch)."""
    notes = sorted(
        (Note(BEAT_S * start, BEAT_S * (start + length), pitch, 64) for start, length, pitch in events),
        key=lambda note: (note.onset_s, note.pitch),
    )
    return Performance(tuple(notes), (), max(note.offset_s for note in notes))


def lower(score: Score) -> set[tuple[int, int]]:
    """(bar, pitch) of every head in a second voice."""
    return {
        (number, head.pitch.midi)
        for number, measure in enumerate(score.measures)
        for staff in measure.staves
        for voice in staff
        if voice.number == 2
        for event in voice.events
        for head in getattr(event, "heads", ())
    }


def two_part(bars: int = 6) -> Performance:
    """In the right hand quavers over held halves; a bass far below."""
    events: list[tuple[float, float, int]] = []
    for bar in range(bars):
        for place in range(8):
            events.append((4 * bar + place / 2, 0.48, (76, 79, 77, 81, 79, 77, 76, 74)[place] + bar % 2))
        for place in (0, 2):
            events.append((4 * bar + place, 1.95, (67, 69)[place // 2]))
            events.append((4 * bar + place, 1.95, (43, 48)[place // 2]))
    return played(events)


def test_quavers_over_held_halves_stand_in_two_voices() -> None:
    found = lower(write(two_part(), meter_of(TimeSignature(4, 4), 6, BEAT_S)))
    assert sum((bar, pitch) in found for bar in range(6) for pitch in (67, 69)) >= 10
    assert all(pitch in (67, 69) for _, pitch in found)


def test_chords_and_a_plain_tune_need_one_voice() -> None:
    chords: list[tuple[float, float, int]] = [
        (beat, 0.9, pitch) for beat in range(16) for pitch in (60 + beat % 3, 64, 67, 72)
    ]
    tune: list[tuple[float, float, int]] = [(beat / 2, 0.45, 72 + (beat * 5) % 7) for beat in range(32)]
    bass: list[tuple[float, float, int]] = [(beat, 0.9, 40 + beat % 5) for beat in range(16)]
    for events in (chords + bass, tune + bass):
        assert not lower(write(played(events), meter_of(TimeSignature(4, 4), 4, BEAT_S)))


@pytest.mark.parametrize("seed", range(6))
def test_whatever_the_model_says_every_note_is_written_once(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(seed)
    monkeypatch.setattr(
        voices,
        "lower_voice_scores",
        lambda notes, timeline: {note.attack.source: float(rng.normal(0, 5)) for note in notes},
    )
    performance = two_part()
    assert_well_formed(write(performance, meter_of(TimeSignature(4, 4), 6, BEAT_S)), performance)


def test_in_a_printed_bar_all_but_the_highest_voice_are_lower() -> None:
    bar = np.array([0, 0, 0, 1, 1, 2])
    voice = np.array([1, 2, 1, 2, 2, 1])
    pitch = np.array([72, 64, 74, 60, 62, 70])
    assert lower_voices(bar, voice, pitch).tolist() == [0, 1, 0, 0, 0, 0]


@pytest.mark.parametrize("seed", range(6))
def test_labels_stay_with_their_notes_whatever_is_lost_and_added(seed: int) -> None:
    count = 300
    lower = (np.arange(count) % 3 == 0).astype(np.float32)
    pitch = np.where(lower > 0, 48.0, 84.0)
    onset_q = np.arange(count) / 2
    place = np.zeros((count, PLACES), np.float32)
    staff = StaffNotes(1, "train", UPPER, onset_q, np.full(count, 0.4), pitch, place, lower, played=True)
    seen, labels = excerpt(staff, np.random.default_rng(seed))
    assert seen.features.shape == (EXCERPT, VOICE_FEATURES)
    above_middle = seen.features[:, 0] > 0.25  # (pitch - 60) / 24
    assert np.isfinite(labels).sum() > 0.8 * EXCERPT
    assert ((labels == 1) == ~above_middle)[np.isfinite(labels)].all()


def test_the_end_of_a_run_is_no_shorter_than_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        voices,
        "lower_voice_scores",
        lambda notes, timeline: {note.attack.source: 9.0 if note.attack.pitch < 71 else -9.0 for note in notes},
    )
    events: list[tuple[float, float, int]] = [(0.0, 1.0, 79), (2.0, 2.0, 79)]
    events += [(1 + slot / 8, 0.12, 74 + 2 * slot) for slot in range(8)]
    events += [(slot / 4, 0.22, 67 + slot % 3) for slot in range(4)]
    events += [(1.0, 0.1, 67), (0.0, 1.0, 43), (1.0, 1.0, 40), (2.0, 2.0, 36)]
    score = write(played(events), meter_of(TimeSignature(4, 4), 1, BEAT_S))
    lower_notes = [event for event in score.measures[0].upper[1].events if hasattr(event, "heads")]
    assert [event.value.type for event in lower_notes] == ["16th"] * 5
