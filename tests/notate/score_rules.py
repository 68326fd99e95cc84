"""What every score must obey, and metres to write on."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction

from transcriber.notate import notate_on
from transcriber.notate.edits import gather
from transcriber.notate.meter import Bar, Meter
from transcriber.performance import Performance
from transcriber.score import Chord, Measure, Score, TimeSignature, Voice


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
