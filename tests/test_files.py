"""Names and files: nothing half-written, nothing outside the folder, nothing that a file system refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from transcriber.errors import EmptyFile, UnreadableFile, UnwritableOutput
from transcriber.files import LONGEST_STEM, is_midi, stem_for, title_for, write_results


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("minuet.m4a", "minuet"),
        ("Étude no. 3.wav", "Étude no. 3"),
        ("take.1.final.mp3", "take.1.final"),
        ("../../etc/passwd.wav", "passwd"),
        ("🎹👨‍👩‍👧.m4a", "🎹👨‍👩‍👧"),
        ("line\nbreak\x1b[31m.wav", "line_break_[31m"),
        ("broken \udcff.wav", "broken _"),
        (" .wav", "recording"),
    ],
)
def test_results_are_named_after_the_recording(name: str, stem: str) -> None:
    assert stem_for(name) == stem


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("minuet_in_g.m4a", "Minuet in g"),
        ("Op. 9-2__second take_.wav", "Op. 9-2 second take"),
        ("🎹.m4a", "🎹"),
        ("练习.mp3", "练习"),
        ("___.wav", "Recording"),
    ],
)
def test_a_title_is_written_as_by_hand(name: str, title: str) -> None:
    assert title_for(name) == title


@pytest.mark.parametrize("letter", ["a", "é", "🎹"])
def test_a_long_name_is_cut_between_characters(letter: str) -> None:
    stem = stem_for(300 * letter + ".wav")
    assert LONGEST_STEM - 4 < len(stem.encode()) <= LONGEST_STEM
    assert set(stem) == {letter}


def test_a_midi_file_is_known_by_its_content(tmp_path: Path) -> None:
    (tmp_path / "song.mp3").write_bytes(b"MThd\x00\x00\x00\x06")
    (tmp_path / "song.mid").write_bytes(b"ID3\x04")
    assert is_midi(tmp_path / "song.mp3")
    assert not is_midi(tmp_path / "song.mid")
    (tmp_path / "empty.mid").touch()
    with pytest.raises(EmptyFile):
        is_midi(tmp_path / "empty.mid")
    with pytest.raises(UnreadableFile):
        is_midi(tmp_path)


def test_results_replace_older_ones_whole(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "folder"
    assert write_results(folder, {"a.pdf": b"first", "a.mid": b"one"}) == [folder / "a.pdf", folder / "a.mid"]
    write_results(folder, {"a.pdf": b"second"})
    assert (folder / "a.pdf").read_bytes() == b"second"
    assert (folder / "a.mid").read_bytes() == b"one"
    assert len(list(folder.iterdir())) == 2


@pytest.mark.parametrize("stopped", [KeyboardInterrupt, OSError(28, "No space left on device")])
def test_a_write_that_is_stopped_leaves_the_older_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stopped: BaseException
) -> None:
    write_results(tmp_path, {"a.pdf": b"first"})

    def stop(path: Path, data: bytes) -> int:
        with path.open("wb") as file:
            file.write(data[:2])
        raise stopped

    monkeypatch.setattr(Path, "write_bytes", stop)
    with pytest.raises((KeyboardInterrupt, UnwritableOutput)):
        write_results(tmp_path, {"a.pdf": b"second"})
    assert [path.name for path in tmp_path.iterdir()] == ["a.pdf"]
    assert (tmp_path / "a.pdf").read_bytes() == b"first"


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UnwritableOutput, match=r"not a directory|file exists"):
        write_results(tmp_path / "file" / "scores", {"a.pdf": b""})
