"""Properties that hold for every score: nothing lost, nothing drawn twice, no complaint, spanners in order."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from fractions import Fraction
from xml.etree import ElementTree

import mido
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.engrave.scores import finished
from transcriber.engrave import engrave
from transcriber.engrave.beams import beam_levels, beam_voice
from transcriber.performance import Performance
from transcriber.score import (
    Articulation,
    Chord,
    Clef,
    Direction,
    Dynamic,
    Event,
    Grace,
    KeySignature,
    Measure,
    NoteHead,
    NoteValue,
    Ottava,
    PedalMark,
    Rest,
    Score,
    SpelledPitch,
    Step,
    TimeSignature,
    Tuplet,
    ValueType,
    Voice,
    Wedge,
)

METRES = [TimeSignature(4, 4), TimeSignature(3, 4), TimeSignature(6, 8), TimeSignature(2, 2), TimeSignature(5, 8)]
TYPES: list[ValueType] = ["half", "quarter", "eighth", "16th", "32nd", "64th"]
STEPS: list[Step] = ["C", "D", "E", "F", "G", "A", "B"]
TIGHT = re.compile(r"Justification is highly compressed|\[Warning\] \t")  # a bar of 64ths may fill a line and more
ARTICULATIONS: list[Articulation] = ["staccato", "accent", "tenuto", "fermata"]


@st.composite
def heads(draw: st.DrawFn, octave: int) -> tuple[NoteHead, ...]:
    names = draw(st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 1)), min_size=1, max_size=3, unique=True))
    alters = st.integers(-2, 2)
    found = [SpelledPitch(step, draw(alters), octave + above) for step, above in names]
    return tuple(NoteHead("", pitch, -1) for pitch in sorted(found, key=lambda pitch: pitch.midi))


@st.composite
def voices(draw: st.DrawFn, number: int, length_q: Fraction, octave: int) -> Voice:
    events: list[Event] = []
    position_q = Fraction(0)

    def add(value: NoteValue, tuplet: Tuplet | None) -> None:
        nonlocal position_q
        duration_q = value.quarters * (Fraction(tuplet.normal, tuplet.actual) if tuplet else 1)
        if draw(st.integers(0, 3)) == 0:
            event: Event = Rest(position_q, duration_q, value, tuplet, visible=number == 1 or draw(st.booleans()))
        else:
            chord = Chord(position_q, duration_q, value, draw(heads(octave)), tuplet)
            graces = tuple(Grace(draw(heads(octave + 1))) for _ in range(draw(st.sampled_from([0, 0, 0, 1, 2]))))
            signs = tuple(draw(st.lists(st.sampled_from(ARTICULATIONS), max_size=2, unique=True)))
            event = replace(chord, graces=graces, articulations=signs, arpeggio=draw(st.booleans()))
        events.append(event)
        position_q += duration_q

    while position_q < length_q:
        left_q = length_q - position_q
        plain = [NoteValue(kind) for kind in TYPES]
        dotted = [NoteValue(kind, 1) for kind in TYPES[:-1]]
        value = draw(st.sampled_from([value for value in plain + dotted if value.quarters <= left_q]))
        if value.dots == 0 and value.type in ("half", "quarter", "eighth") and draw(st.integers(0, 3)) == 0:
            part = NoteValue(TYPES[TYPES.index(value.type) + 1])
            for place in range(3):
                add(part, Tuplet(3, 2, place == 0, place == 2))
        else:
            add(value, None)
    return Voice(number, tuple(events))


@st.composite
def scores(draw: st.DrawFn) -> tuple[Score, Performance]:
    measures: list[Measure] = []
    for number in range(1, draw(st.integers(2, 4))):
        time = draw(st.sampled_from(METRES))
        length_q = time.measure_q
        places = st.integers(0, int(length_q * 4) - 1).map(lambda quarter: Fraction(quarter, 4))
        marks: list[Direction] = [Dynamic(draw(places), "mf")]
        start_q, stop_q = sorted(draw(st.tuples(places, places)))
        if start_q < stop_q:
            marks += [Wedge(start_q, "crescendo"), Wedge(stop_q, "stop")]
            marks += [PedalMark(start_q, "start"), PedalMark(stop_q, "change"), PedalMark(length_q, "stop")]
            staff = draw(st.integers(0, 1))
            marks += [Ottava(start_q, staff, "start"), Ottava(stop_q, staff, "stop")]
        staves = [
            tuple(draw(voices(place, length_q, octave)) for place in range(1, draw(st.integers(1, 2)) + 1))
            for octave in (5, 3)
        ]
        clefs = (Clef(1, draw(st.sampled_from(["treble", "bass"])), draw(places)),)
        key = KeySignature(draw(st.integers(-7, 7)), draw(st.sampled_from(["major", "minor"])))
        measures.append(Measure(number, time, key, length_q, staves[0], staves[1], clefs, tuple(marks)))
    return finished(measures)


@settings(max_examples=6, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
@given(made=scores())
def test_any_score_is_engraved_whole(caplog: pytest.LogCaptureFixture, made: tuple[Score, Performance]) -> None:
    caplog.clear()
    score, performance = made
    files = engrave(score, performance)
    assert [message for message in caplog.messages if not TIGHT.search(message)] == []

    chords = [chord for *_, chord in score.chords()]
    ids = [head.id for chord in chords for head in (*(h for g in chord.graces for h in g.heads), *chord.heads)]
    written = [note.get("id") for note in ElementTree.fromstring(files[".musicxml"]).iter("note") if note.get("id")]
    assert sorted(map(str, written)) == sorted(ids)
    drawn = [found for name, page in files.items() if name.endswith(".svg") for found in _drawn_notes(page)]
    assert sorted(drawn) == sorted(ids)

    root = ElementTree.fromstring(files[".musicxml"])
    for tag in ("wedge", "octave-shift", "pedal"):
        kinds = [str(element.get("type")) == "stop" for element in root.iter(tag)]
        assert kinds == [False, True] * (len(kinds) // 2)

    midi = mido.MidiFile(file=io.BytesIO(files[".quantized.mid"]))
    sounding: set[tuple[int, int]] = set()
    for track in midi.tracks:
        for message in track:
            if message.type == "note_on":
                assert (message.channel, message.note) not in sounding
                sounding.add((message.channel, message.note))
            elif message.type == "note_off":
                sounding.remove((message.channel, message.note))
    assert not sounding


def _drawn_notes(page: bytes) -> list[str]:
    return re.findall(r'<g id="([^"]+)" class="note', page.decode())


@settings(max_examples=20, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
@given(st.sampled_from(METRES).flatmap(lambda time: st.tuples(st.just(time), voices(1, time.measure_q, 5))))
def test_any_beam_begins_and_ends(made: tuple[TimeSignature, Voice]) -> None:
    time, voice = made
    measure = Measure(1, time, KeySignature(0), time.measure_q, (voice,), (voice,))
    open_levels: set[int] = set()
    for event, states in zip(voice.events, beam_voice(measure, voice), strict=True):
        if not states:
            assert not open_levels
            continue
        assert isinstance(event, Chord)
        assert len(states) == beam_levels(event.value)
        for level, state in enumerate(states, start=1):
            if state == "begin":
                assert level not in open_levels
                open_levels.add(level)
            elif state in ("continue", "end"):
                assert level in open_levels
                if state == "end":
                    open_levels.remove(level)
            else:
                assert level > 1
                assert level not in open_levels
    assert not open_levels
