"""Fingers, note names, large print and scores without pedal, in MusicXML and on the page alike."""

from xml.etree import ElementTree

import pytest

from tests.engrave.scores import SCORES as MAKERS
from tests.engrave.scores import finished, study
from transcriber.engrave import engrave
from transcriber.engrave.musicxml import write_musicxml
from transcriber.engrave.names import name_lines, printed_name
from transcriber.notate.aids import with_aids
from transcriber.options import Size, View
from transcriber.performance import Performance
from transcriber.score import PedalMark, SpelledPitch

ALL_SCORES = {name: make()[0] for name, make in MAKERS.items()}

SIZES: tuple[Size, ...] = ("normal", "large", "largest")
SCORES = pytest.mark.parametrize("score", ALL_SCORES.values(), ids=ALL_SCORES.keys())


@SCORES
def test_every_struck_note_is_named_once(score):
    root = ElementTree.fromstring(write_musicxml(with_aids(score, View(note_names=True))))
    struck = {
        (index, staff, chord.onset_q, head.pitch.midi)
        for index, staff, _, chord in score.chords()
        for head in chord.heads
        if not head.tie_stop
    }
    assert len(root.findall(".//lyric/text")) == len(struck)
    for note in root.iter("note"):
        numbers = [int(lyric.get("number", "")) for lyric in note.findall("lyric")]
        assert numbers == sorted(set(numbers))


@SCORES
def test_every_finger_is_printed(score):
    fingered = with_aids(score, View(fingering=True))
    wanted = [str(head.finger) for _, _, _, chord in fingered.chords() for head in chord.heads if head.finger]
    xml = write_musicxml(fingered)
    root = ElementTree.fromstring(xml)
    assert sorted(found.text or "" for found in root.iter("fingering")) == sorted(wanted)
    assert b"<fingering" not in write_musicxml(score)


def test_on_the_page():
    score = next(iter(ALL_SCORES.values()))
    played = Performance(())
    plain, aided = (
        engrave(with_aids(score, view), played, ("svg",))[".page-1.svg"].decode()
        for view in (View(), View(note_names=True, fingering=True))
    )
    assert 'class="fing"' in aided
    assert 'class="verse"' in aided
    assert 'class="fing"' not in plain
    assert 'class="verse"' not in plain


def test_large_print_takes_more_pages():
    score, played = finished(study()[0].measures * 6)
    small, large, largest = (engrave(with_aids(score, View(size=size)), played, ("svg", "musicxml")) for size in SIZES)
    assert len(largest) > len(large) > len(small)
    assert b"<millimeters>7</millimeters>" in small[".musicxml"]
    assert b"<millimeters>9.5</millimeters>" in large[".musicxml"]


def test_without_pedal():
    for score in ALL_SCORES.values():
        marks = [mark for measure in with_aids(score, View(pedal=False)).measures for mark in measure.directions]
        assert not any(isinstance(mark, PedalMark) for mark in marks)
        kept = [m for measure in score.measures for m in measure.directions if not isinstance(m, PedalMark)]
        assert marks == kept


@pytest.mark.parametrize(
    ("pitch", "name"),
    [
        (SpelledPitch("C", 0, 4), "C"),
        (SpelledPitch("F", 1, 4), "F♯"),
        (SpelledPitch("B", -1, 3), "B♭"),
        (SpelledPitch("E", -2, 3), "E♭♭"),
    ],
)
def test_name(pitch, name):
    assert printed_name(pitch) == name


@SCORES
def test_the_highest_note_stands_on_the_first_line(score):
    lines = name_lines(score)
    for _, _, _, chord in score.chords():
        named = [lines[head.id][0] for head in chord.heads if head.id in lines]
        assert named == sorted(named, reverse=True)
