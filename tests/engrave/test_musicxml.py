from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import music21
import pytest

from tests.engrave.scores import SCORES, bar, finished, octaves, study, voice, waltz, whole_rest
from transcriber.engrave.musicxml import write_musicxml
from transcriber.errors import EngravingError
from transcriber.score import (
    UPPER,
    Chord,
    ChordSymbol,
    Dynamic,
    KeySignature,
    NoteHead,
    Ottava,
    PedalMark,
    Rest,
    Score,
    TimeSignature,
    Wedge,
)

GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture(params=sorted(SCORES))
def score(request: pytest.FixtureRequest) -> Score:
    return SCORES[request.param]()[0]


def parsed(score: Score) -> ElementTree.Element:
    return ElementTree.fromstring(write_musicxml(score))


def heads(score: Score) -> Iterator[NoteHead]:
    for _, _, _, chord in score.chords():
        for grace in chord.graces:
            yield from grace.heads
        yield from chord.heads


def test_every_bar_of_every_voice_adds_up(score: Score) -> None:
    root = parsed(score)
    divisions = int(root.findtext(".//divisions", ""))
    for written, measure in zip(root.iter("measure"), score.measures, strict=True):
        full = int(measure.length_q * divisions)
        now = 0
        ends: dict[str, int] = {}
        for element in written:
            length = int(element.findtext("duration", "0"))
            if element.tag == "note":
                if element.find("chord") is not None or element.find("grace") is not None:
                    continue
                name = element.findtext("voice", "")
                assert ends.get(name, 0) == now, f"a gap in voice {name} of bar {measure.number}"
                now += length
                ends[name] = now
            else:
                now += {"backup": -length, "forward": length}.get(element.tag, 0)
            assert 0 <= now <= full
        assert now == full
        expected = {str(4 * staff + line.number) for staff in (0, 1) for line in measure.staves[staff]}
        assert ends == dict.fromkeys(expected, full)


def test_every_head_has_its_id(score: Score) -> None:
    ids = [note.get("id") for note in parsed(score).iter("note") if note.find("pitch") is not None]
    assert sorted(map(str, ids)) == sorted(head.id for head in heads(score))
    assert len(set(ids)) == len(ids)


def test_bars_and_voices_are_numbered_as_notation_programs_do() -> None:
    root = parsed(waltz()[0])
    assert [measure.get("number") for measure in root.iter("measure")] == ["0", "1", "2", "3", "4", "5"]
    assert [measure.get("implicit") for measure in root.iter("measure")] == ["yes", None, None, None, None, None]
    places = {(note.findtext("staff"), note.findtext("voice")) for note in root.iter("note")}
    assert places == {("1", "1"), ("1", "2"), ("2", "5"), ("2", "6")}


def test_ties_are_both_heard_and_seen() -> None:
    notes = [note for note in parsed(waltz()[0]).iter("note") if note.find("tie") is not None]
    assert [[tie.get("type") for tie in note.findall("tie")] for note in notes] == [["start"], ["stop"]]
    assert [[tied.get("type") for tied in note.iter("tied")] for note in notes] == [["start"], ["stop"]]
    assert len({note.findtext("pitch/step") for note in notes}) == 1


def test_tuplets_name_their_unit_and_are_bracketed_where_no_beam_shows_them() -> None:
    root = parsed(study()[0])
    units = [modification.findtext("normal-type") for modification in root.iter("time-modification")]
    assert units == ["eighth"] * 8 + ["16th"] * 6
    brackets = [tuplet.get("bracket") for tuplet in root.iter("tuplet") if tuplet.get("type") == "start"]
    assert brackets == ["no", "yes", "yes", "no"]
    assert len(brackets) == sum(tuplet.get("type") == "stop" for tuplet in root.iter("tuplet"))


def test_a_tuplet_of_hidden_rests_shows_nothing() -> None:
    time, key = TimeSignature(2, 4), KeySignature(0)
    hidden = voice(2, "h/8x3:2[ h/4x3:2] C4/4")
    score = finished([bar(1, time, key, [voice(1, "C5/2"), hidden], [whole_rest(Fraction(2))])])[0]
    start = parsed(score).find(".//tuplet[@type='start']")
    assert start is not None
    assert (start.get("bracket"), start.get("show-number")) == ("no", "none")


TRIPLETS = "C5/8x3:2[ D5/8x3:2 E5/8x3:2]"


def numbers_shown(*bars: str, beats: int = 2) -> list[int]:
    """How many tuplets of each bar's upper voice show their number."""
    time, key = TimeSignature(beats, 4), KeySignature(0)
    measures = [
        bar(number, time, key, [voice(1, text)], [whole_rest(time.measure_q)])
        for number, text in enumerate(bars, start=1)
    ]
    root = parsed(finished(measures)[0])
    return [
        sum(start.get("show-number") != "none" for start in measure.iter("tuplet") if start.get("type") == "start")
        for measure in root.iter("measure")
    ]


def test_music_that_goes_on_in_triplets_shows_the_numbers_of_two_bars() -> None:
    whole = f"{TRIPLETS} {TRIPLETS}"
    assert numbers_shown(*[whole] * 4, "C5/2", whole, whole, whole) == [2, 2, 0, 0, 0, 2, 2, 0]
    assert numbers_shown(*[f"{TRIPLETS} C5/4"] * 4) == [1, 1, 0, 0]


def test_a_triplet_among_other_notes_shows_its_number() -> None:
    lone = f"{TRIPLETS} C5/4 C5/4"
    assert numbers_shown(*[lone] * 4, beats=3) == [1, 1, 1, 1]
    broken = "r/8x3:2[ D5/8x3:2 E5/8x3:2]"
    whole = f"{TRIPLETS} {TRIPLETS}"
    assert numbers_shown(whole, whole, f"{broken} {TRIPLETS}") == [2, 2, 1]


def test_hidden_rests_are_not_printed_and_a_silent_pickup_has_plain_rests() -> None:
    root = parsed(waltz()[0])
    hidden = [note for note in root.iter("note") if note.get("print-object") == "no"]
    assert len(hidden) == 2
    pickup = root.find(".//measure[@number='0']")
    assert pickup is not None
    rests = [note for note in pickup.iter("note") if note.find("rest") is not None]
    assert [(note.findtext("type"), note.find("rest[@measure]")) for note in rests] == [("quarter", None)]
    study_rests = parsed(study()[0]).findall(".//rest[@measure='yes']")
    assert len(study_rests) == 1


def test_stems_are_given_only_where_two_voices_meet() -> None:
    lower = [
        (note.findtext("pitch/octave"), note.findtext("voice"), note.findtext("stem"))
        for note in parsed(waltz()[0]).findall(".//measure[@number='4']/note[staff='2']")
        if note.find("pitch") is not None
    ]
    assert lower == [("3", "5", "up"), ("4", "5", "up"), ("2", "6", "down")]
    upper = parsed(waltz()[0]).findall(".//measure[@number='4']/note[staff='1']/stem")
    assert upper == []


def test_directions_stand_where_they_belong() -> None:
    """The position of every direction, from the notes before it and its own offset."""
    root = parsed(octaves()[0])
    divisions = int(root.findtext(".//divisions", ""))
    found = []
    for measure in root.iter("measure"):
        now = 0
        for element in measure:
            length = int(element.findtext("duration", "0"))
            if element.tag in ("direction", "harmony"):
                kind = element.find("direction-type/*")
                offset = int(element.findtext("offset", "0"))
                assert kind is not None
                found.append((measure.get("number"), kind.tag, kind.get("type"), Fraction(now + offset, divisions)))
            if element.find("chord") is None:
                now += {"backup": -length, "note": length, "forward": length}.get(element.tag, 0)
    assert sorted(found, key=str) == sorted(
        [
            ("1", "words", None, Fraction(0)),
            ("1", "words", None, Fraction(3)),
            ("1", "octave-shift", "down", Fraction(2)),
            ("1", "pedal", "start", Fraction(0)),
            ("2", "dynamics", None, Fraction(1, 3)),
            ("1", "pedal", "stop", Fraction(4)),
            ("2", "pedal", "start", Fraction(0)),
            ("2", "pedal", "stop", Fraction(7, 2)),
            ("2", "pedal", "start", Fraction(7, 2)),
            ("3", "octave-shift", "stop", Fraction(2)),
            ("3", "octave-shift", "up", Fraction(0)),
            ("4", "octave-shift", "stop", Fraction(2)),
            ("4", "pedal", "stop", Fraction(4)),
        ],
        key=str,
    )


def test_no_hairpin_or_pedal_ends_in_the_file_before_it_starts() -> None:
    """Readers pair them in the order of the file, whatever voice they were written with."""
    time, key = TimeSignature(4, 4), KeySignature(0)
    upper = [voice(1, "C5/2. D5/4"), voice(2, "E4/4 F4/2.")]
    lower = [voice(1, "C3/1")]
    q = Fraction
    marks = (
        Wedge(q(1), "crescendo"),
        Wedge(q(3), "stop"),
        PedalMark(q(1), "start"),
        PedalMark(q(3), "stop"),
        Wedge(q(3), "diminuendo"),
        Wedge(q(4), "stop"),
    )
    root = parsed(finished([bar(1, time, key, upper, lower, directions=marks)])[0])
    assert [wedge.get("type") for wedge in root.iter("wedge")] == ["crescendo", "stop", "diminuendo", "stop"]
    assert [pedal.get("type") for pedal in root.iter("pedal")] == ["start", "stop"]
    assert [pedal.findtext("staff") for pedal in root.iter("direction") if pedal.find(".//pedal") is not None] == [
        "2",
        "2",
    ]


def test_what_stops_with_a_bar_line_stops_before_it() -> None:
    time, key = TimeSignature(4, 4), KeySignature(0)
    begin = (Wedge(Fraction(0), "crescendo"), PedalMark(Fraction(0), "start"), Ottava(Fraction(0), UPPER, "start"))
    end = (Wedge(Fraction(0), "stop"), PedalMark(Fraction(0), "stop"), Ottava(Fraction(0), UPPER, "stop"))
    measures = [
        bar(number, time, key, [voice(1, "C6/1")], [voice(1, "C3/1")], directions=marks)
        for number, marks in ((1, begin), (2, end))
    ]
    first, second = parsed(finished(measures)[0]).iter("measure")
    assert len(first.findall("direction")) == 6
    assert second.findall("direction") == []


def test_a_mark_is_written_at_the_note_that_starts_with_it_whichever_hand_plays_it() -> None:
    time, key = TimeSignature(4, 4), KeySignature(0)
    loud = Dynamic(Fraction(3), "f")
    measure = bar(1, time, key, [voice(1, "C5/1")], [voice(1, "C3/2. D3/4")], directions=(loud,))
    direction = parsed(finished([measure])[0]).find(".//direction")
    assert direction is not None
    assert direction.find("offset") is None
    assert direction.findtext("staff") == "1"


def test_notes_under_an_octave_line_are_written_after_it_starts() -> None:
    bar_one = parsed(octaves()[0]).find(".//measure")
    assert bar_one is not None
    order = [
        "line" if element.find(".//octave-shift") is not None else str(element.get("id"))
        for element in bar_one
        if element.tag == "note" or element.find(".//octave-shift") is not None
    ]
    before, after = order[: order.index("line")], order[order.index("line") + 1 :]
    assert set(before) == {"n1", "n2", "n5"}
    assert set(after) == {"n3", "n4", "n6", "n7"}


def test_tempo_is_printed_and_heard() -> None:
    root = parsed(octaves()[0])
    assert root.findtext(".//metronome/beat-unit") == "half"
    assert root.findtext(".//metronome/per-minute") == "96"
    sound = root.find(".//direction/sound")
    assert sound is not None
    assert sound.get("tempo") == "192.00"
    hidden = parsed(study()[0]).find(".//measure[@number='5']/direction")
    assert hidden is not None
    assert [kind.get("print-object") for kind in hidden.findall("direction-type/*")] == ["no"]
    assert [sound.get("tempo") for sound in hidden.findall("sound")] == ["100.00"]


def test_music21_reads_the_same_music(score: Score) -> None:
    """Pitches, onsets, lengths, ties and measures survive the way through another program's reader."""
    read = reread(score)
    assert len(read.parts) == 2
    for staff, part in enumerate(read.parts):
        measures = list(part.getElementsByClass(music21.stream.Measure))
        assert [measure.number for measure in measures] == [measure.number for measure in score.measures]
        for measure, ours in zip(measures, score.measures, strict=True):
            voices = list(measure.voices) or [measure]
            assert len(voices) == len(ours.staves[staff])
            for theirs, line in zip(voices, ours.staves[staff], strict=True):
                assert written(theirs) == expected(line.events)


def reread(score: Score) -> music21.stream.Score:
    read = music21.converter.parseData(write_musicxml(score).decode(), format="musicxml")
    assert isinstance(read, music21.stream.Score)
    return read


def written(container: music21.stream.Stream[Any]) -> list[tuple[object, ...]]:
    out: list[tuple[object, ...]] = []
    for item in container.notesAndRests:
        if isinstance(item, music21.harmony.ChordSymbol) or item.duration.isGrace:
            continue
        pitches = tuple(sorted(pitch.midi for pitch in item.pitches)) if not item.isRest else ()
        ties = tuple(note.tie.type for note in getattr(item, "notes", [item]) if getattr(note, "tie", None))
        out.append((Fraction(item.offset).limit_denominator(96), pitches, Fraction(item.quarterLength), ties))
    return out


def expected(events: tuple[Chord | Rest, ...]) -> list[tuple[object, ...]]:
    kinds = {(True, False): "start", (False, True): "stop", (True, True): "continue"}
    out: list[tuple[object, ...]] = []
    for event in events:
        members = event.heads if isinstance(event, Chord) else ()
        pitches = tuple(sorted(head.pitch.midi for head in members))
        ties = tuple(kinds[head.tie_start, head.tie_stop] for head in members if head.tie_start or head.tie_stop)
        out.append((event.onset_q, pitches, event.duration_q, ties))
    return out


def test_music21_finds_title_composer_key_metre_and_clefs() -> None:
    read = reread(study()[0])
    assert (read.metadata.title, read.metadata.composer) == ("Study", "Nobody")
    upper, lower = read.parts
    assert [key.sharps for key in upper.recurse().getElementsByClass(music21.key.KeySignature)] == [3, -1]
    metres = [time.ratioString for time in upper.recurse().getElementsByClass(music21.meter.TimeSignature)]
    assert metres == ["4/4", "2/4", "5/8", "4/4"]
    assert isinstance(lower.recurse().getElementsByClass(music21.clef.Clef)[0], music21.clef.BassClef)
    symbols = [symbol.figure for symbol in upper.recurse().getElementsByClass(music21.harmony.ChordSymbol)]
    assert symbols == ["A", "F#m/C#", "Dm7"]


def test_a_chord_symbol_over_a_held_note_is_read_with_the_upper_staff() -> None:
    """Among the notes of the lower staff verovio draws it between the staves."""
    three, key = TimeSignature(3, 4), KeySignature(0)
    symbol = ChordSymbol(Fraction(2), ("D", 0), "minor")
    upper, lower = voice(1, "A4/2."), voice(1, "F3/4 E3/4 D3/4")
    score = finished([bar(1, three, key, [upper], [lower], directions=(symbol,))])[0]
    order = [element.tag for element in parsed(score).iter() if element.tag in ("harmony", "backup")]
    assert order == ["harmony", "backup"]
    (read,) = reread(score).parts[0].recurse().getElementsByClass(music21.harmony.ChordSymbol)
    assert read.getOffsetInHierarchy(read.getContextByClass("Measure")) == 2.0


@pytest.mark.parametrize("name", sorted(SCORES))
def test_the_document_is_the_golden_one(name: str) -> None:
    """Compared without layout, so that a change of white space alone is no difference."""
    golden = ElementTree.parse(GOLDEN / f"{name}.musicxml").getroot()
    assert normal(parsed(SCORES[name]()[0])) == normal(golden)


def normal(element: ElementTree.Element) -> tuple[object, ...]:
    content = (element.text or "").strip()
    return (element.tag, sorted(element.items()), content, [normal(member) for member in element])


def test_there_is_no_date_and_the_bytes_repeat(score: Score) -> None:
    document = write_musicxml(score)
    assert document == write_musicxml(score)
    assert b"encoding-date" not in document
    assert not re.search(rb"20\d\d-\d\d", document)


def test_markup_in_a_title_is_escaped() -> None:
    score = replace(waltz()[0], title='<b>"Für Elise" & more', composer="")
    root = parsed(score)
    assert root.findtext("work/work-title") == '<b>"Für Elise" & more'
    assert root.find("identification/creator") is None


def test_a_bar_that_does_not_add_up_is_refused() -> None:
    time, key = TimeSignature(4, 4), KeySignature(0)
    short = bar(7, time, key, [voice(1, "C5/2 D5/4")], [whole_rest(Fraction(4))])
    with pytest.raises(EngravingError, match="does not fill bar 7"):
        write_musicxml(finished([short])[0])
    rest = Rest(Fraction(1), Fraction(4), whole_rest(Fraction(4)).events[0].value)
    gap = bar(8, time, key, [replace(voice(1, "C5/1"), events=(rest,))], [whole_rest(Fraction(4))])
    with pytest.raises(EngravingError, match="bar 8"):
        write_musicxml(finished([gap])[0])
    empty = bar(9, time, key, [], [whole_rest(Fraction(4))])
    with pytest.raises(EngravingError, match="Bar 9"):
        write_musicxml(finished([empty])[0])
