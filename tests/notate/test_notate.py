"""What holds for every score, whatever was played."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from transcriber.errors import NoNotes
from transcriber.notate import notate, notate_on
from transcriber.notate.edits import DeleteNote, gather
from transcriber.notate.meter import Bar, Meter
from transcriber.performance import Note, Performance, sort_notes
from transcriber.score import Chord, Measure, Score, TimeSignature, Voice

TIMES = [
    (4, 4),
    (3, 4),
    (2, 4),
    (6, 8),
    (9, 8),
    (12, 8),
    (3, 8),
    (2, 2),
    (5, 4),
    (7, 8),
    (3, 2),
    (6, 16),
    (1, 4),
    (2, 16),
]


def meter_of(time: TimeSignature, bars: int, beat_s: float, start_s: float = 0.0) -> Meter:
    step = beat_s * time.beat_count
    return Meter(
        tuple(
            Bar(time, tuple(start_s + bar * step + beat * beat_s for beat in range(time.beat_count)))
            for bar in range(bars)
        ),
        start_s + bars * step,
    )


def write(performance: Performance, meter: Meter) -> Score:
    return notate_on(performance, meter, gather((), performance))


@st.composite
def performances(draw: st.DrawFn) -> Performance:
    """Anything that a microphone and a network might give: jitter, chords, repeated keys, absurd lengths."""
    onset_s = draw(st.floats(-0.0, 3.0))
    notes = []
    for _ in range(draw(st.integers(1, 40))):
        onset_s += draw(st.sampled_from([0.0, 0.0, 0.004, 0.02, 0.06, 0.11, 0.125, 0.17, 0.25, 0.34, 0.5, 0.77, 2.6]))
        length_s = draw(st.sampled_from([0.02, 0.1, 0.24, 0.5, 1.1, 6.0]))
        pitch = draw(st.integers(21, 108))
        notes.append(Note(onset_s, onset_s + length_s, pitch, draw(st.integers(1, 127)), draw(st.floats(0, 1))))
    return Performance(sort_notes(notes), (), max(note.offset_s for note in notes))


def assert_well_formed(score: Score, performance: Performance) -> None:
    ids: Counter[str] = Counter()
    written: Counter[int] = Counter(dropped.source for dropped in score.dropped)
    for position, measure in enumerate(score.measures):
        assert measure.length_q == measure.time.measure_q or (position == 0 and measure.number == 0)
        assert 0 < measure.length_q <= measure.time.measure_q
        for staff in measure.staves:
            assert 1 <= len(staff) <= 2
            assert [voice.number for voice in staff] == list(range(1, len(staff) + 1))
            for voice in staff:
                assert_fills(voice, measure)
                assert_tuplets_complete(voice)
    for _, _, _, chord in score.chords():
        for head in chord.heads:
            ids[head.id] += 1
            written[head.source] += not head.tie_stop
            assert head.pitch.midi == performance.notes[head.source].pitch
        assert [head.pitch.midi for head in chord.heads] == sorted({head.pitch.midi for head in chord.heads})
        for grace in chord.graces:
            for head in grace.heads:
                ids[head.id] += 1
                written[head.source] += 1
                assert head.pitch.midi == performance.notes[head.source].pitch
    assert set(ids.values()) <= {1}
    assert written == Counter(range(len(performance.notes)))
    assert_ties_pair(score)


def assert_fills(voice: Voice, measure: Measure) -> None:
    position = Fraction(0)
    for event in voice.events:
        assert event.onset_q == position
        assert event.duration_q > 0
        position += event.duration_q
        ratio = Fraction(event.tuplet.normal, event.tuplet.actual) if event.tuplet else Fraction(1)
        whole = not isinstance(event, Chord) and event.whole_measure
        assert whole or event.value.quarters * ratio == event.duration_q
        assert event.value.type != "64th"
    assert position == measure.length_q


def assert_tuplets_complete(voice: Voice) -> None:
    running: tuple[int, int] | None = None
    length = Fraction(0)
    for event in voice.events:
        if event.tuplet is None:
            assert running is None
            continue
        ratio = (event.tuplet.actual, event.tuplet.normal)
        assert event.tuplet.start == (running is None)
        assert running in (None, ratio)
        length = event.duration_q + (length if running else 0)
        running = None if event.tuplet.stop else ratio
        if event.tuplet.stop:
            assert length in {Fraction(1, 2), Fraction(3, 4), Fraction(1), Fraction(3, 2)}
    assert running is None


def assert_ties_pair(score: Score) -> None:
    """Every tie leads to a head of its pitch and note that starts where the tied one ends."""
    starts = [Fraction(0)]
    for measure in score.measures:
        starts.append(starts[-1] + measure.length_q)
    open_ties: dict[tuple[int, int], Fraction] = {}
    for index, staff, _, chord in sorted(
        score.chords(), key=lambda item: (starts[item[0]] + item[3].onset_q, item[1], item[2])
    ):
        onset = starts[index] + chord.onset_q
        for head in chord.heads:
            key = (staff, head.source)
            assert head.tie_stop == (key in open_ties)
            if head.tie_stop:
                assert open_ties.pop(key) == onset
            if head.tie_start:
                open_ties[key] = onset + chord.duration_q
    assert not open_ties


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    performances(), st.sampled_from(TIMES), st.sampled_from([0.11, 0.3, 0.5, 0.93]), st.sampled_from([-1.0, 0.0, 2.0])
)
def test_every_score_is_well_formed(
    performance: Performance, time: tuple[int, int], beat_s: float, start_s: float
) -> None:
    score = write(performance, meter_of(TimeSignature(*time), 4, beat_s, start_s))
    assert_well_formed(score, performance)
    assert score == write(performance, meter_of(TimeSignature(*time), 4, beat_s, start_s))


def test_the_found_metre_gives_a_well_formed_score() -> None:
    notes = [Note(0.5 * beat, 0.5 * beat + 0.45, 60 + beat % 5, 60 + 20 * (beat % 4 == 0)) for beat in range(32)]
    performance = Performance(sort_notes(notes), (), 17.0)
    assert_well_formed(notate(performance), performance)


def test_leading_silence_becomes_a_pickup_and_not_empty_bars() -> None:
    notes = sort_notes([Note(5.5 + 0.5 * beat, 5.9 + 0.5 * beat, 60, 64) for beat in range(9)])
    score = write(Performance(notes, (), 11.0), meter_of(TimeSignature(4, 4), 6, 0.5))
    assert (score.measures[0].number, score.measures[0].length_q) == (0, Fraction(1))
    assert [measure.number for measure in score.measures] == [0, 1, 2]
    assert score.measures[0].beat_times_s == pytest.approx((5.5,))


def test_a_first_bar_that_starts_on_its_first_beat_is_number_one() -> None:
    score = write(Performance((Note(0.0, 0.4, 60, 64),), (), 1.0), meter_of(TimeSignature(3, 4), 4, 0.5))
    assert [(measure.number, measure.length_q) for measure in score.measures] == [(1, Fraction(3))]


def test_nothing_to_write_is_said() -> None:
    with pytest.raises(NoNotes):
        notate(Performance((), (), 3.0))
    one = Performance((Note(0.0, 1.0, 60, 64),), (), 1.0)
    with pytest.raises(NoNotes):
        notate_on(one, meter_of(TimeSignature(4, 4), 1, 0.5), gather([DeleteNote(0)], one))


def test_a_storm_of_notes_is_written() -> None:
    notes = sort_notes(
        [Note(0.05 * moment, 0.05 * moment + 0.2, pitch, 80) for moment in range(60) for pitch in range(21, 109, 3)]
    )
    performance = Performance(notes, (), 4.0)
    assert_well_formed(write(performance, meter_of(TimeSignature(4, 4), 4, 0.5)), performance)
