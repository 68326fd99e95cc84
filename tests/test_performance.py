from pathlib import Path

import mido
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transcriber.errors import NoNotes, NotMidi, RecordingTooLong
from transcriber.performance import (
    Note,
    Pedal,
    Performance,
    decode_performance,
    encode_performance,
    read_midi,
    write_midi,
)

seconds = st.floats(min_value=0, max_value=1e5)


def test_midi_round_trip_keeps_notes_and_pedal(tmp_path: Path) -> None:
    played = Performance((Note(0.5, 1.0, 60, 80), Note(0.75, 2.0, 64, 30)), (Pedal(0.4, 1.5),), 2.0)
    write_midi(played, tmp_path / "played.mid")
    read = read_midi(tmp_path / "played.mid")
    assert [(note.pitch, note.velocity) for note in read.notes] == [(60, 80), (64, 30)]
    for got, expected in zip(read.notes, played.notes, strict=True):
        assert got.onset_s == pytest.approx(expected.onset_s, abs=0.002)
        assert got.offset_s == pytest.approx(expected.offset_s, abs=0.002)
    assert read.pedals[0].on_s == pytest.approx(0.4, abs=0.002)
    assert read.pedals[0].off_s == pytest.approx(1.5, abs=0.002)


def test_pedal_holds_a_note_until_it_lifts_or_the_key_is_struck_again() -> None:
    notes = (Note(0.0, 0.5, 60, 80), Note(0.1, 0.6, 64, 80), Note(1.0, 1.2, 60, 80), Note(3.0, 3.5, 64, 80))
    played = Performance(notes, (Pedal(0.2, 2.0),), 4.0)
    assert played.sounding_offsets_s() == [1.0, 2.0, 2.0, 3.5]


def test_text_named_midi_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "song.mid"
    path.write_text("not a midi file")
    with pytest.raises(NotMidi):
        read_midi(path)


def midi_file(body: bytes, division: int = 480) -> bytes:
    header = b"MThd\x00\x00\x00\x06\x00\x01\x00\x01" + division.to_bytes(2, "big")
    return header + b"MTrk" + len(body).to_bytes(4, "big") + body


ONE_NOTE = b"\x00\x90\x3c\x40\x83\x60\x80\x3c\x00\x00\xff\x2f\x00"
NO_TIME = b"\x00\xff\x51\x03\x00\x00\x00"  # a tempo of 0 microseconds a quarter


@pytest.mark.parametrize(
    "data",
    [
        midi_file(ONE_NOTE, division=0),
        midi_file(NO_TIME + ONE_NOTE),
        midi_file(ONE_NOTE)[:-8],
        midi_file(b"\x00\xff\x59\x02\x0f\x01" + ONE_NOTE),  # a key of fifteen sharps
        b"MThd",
    ],
)
def test_midi_that_makes_no_sense_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "song.mid"
    path.write_bytes(midi_file(ONE_NOTE))
    assert [(note.pitch, note.velocity) for note in read_midi(path).notes] == [(60, 64)]
    path.write_bytes(data)
    with pytest.raises(NotMidi):
        read_midi(path)


def test_a_tempo_in_the_second_track_is_read_in_silence(tmp_path: Path) -> None:
    file = mido.MidiFile()
    file.tracks.append(mido.MidiTrack())
    tempo = mido.MetaMessage("set_tempo", tempo=400_000)
    notes = [mido.Message("note_on", note=60, velocity=64), mido.Message("note_off", note=60, time=480)]
    file.tracks.append(mido.MidiTrack([tempo, *notes]))
    file.save(tmp_path / "song.mid")
    assert len(read_midi(tmp_path / "song.mid").notes) == 1


def test_a_huge_midi_file_is_refused_unread(tmp_path: Path) -> None:
    (tmp_path / "song.mid").write_bytes(midi_file(ONE_NOTE) + bytes(3_000_000))
    with pytest.raises(RecordingTooLong, match=r"3\.0 MB; the largest accepted has 2 MB"):
        read_midi(tmp_path / "song.mid")


def test_midi_without_notes_is_refused(tmp_path: Path) -> None:
    write_midi(Performance(()), tmp_path / "empty.mid")
    with pytest.raises(NoNotes):
        read_midi(tmp_path / "empty.mid")


@settings(deadline=None)  # a busy machine is no failure
@given(
    st.builds(
        Performance,
        notes=st.lists(
            st.builds(Note, seconds, seconds, st.integers(21, 108), st.integers(1, 127), st.floats(0, 1))
        ).map(tuple),
        pedals=st.lists(st.builds(Pedal, seconds, seconds)).map(tuple),
        duration_s=seconds,
    )
)
def test_stored_performance_comes_back_to_the_last_bit(played: Performance) -> None:
    assert decode_performance(encode_performance(played)) == played


@pytest.mark.parametrize("damaged", [b"", b"{}", b'{"notes":[[1]],"pedals":[],"duration_s":1}', b"\xff"])
def test_damaged_stored_performance_is_refused(damaged: bytes) -> None:
    with pytest.raises((ValueError, KeyError)):
        decode_performance(damaged)
