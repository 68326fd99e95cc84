"""The command line as a stranger meets it: what it prints where, what it leaves on the disk, and how it ends."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from contextlib import nullcontext
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

import transcriber
from tests.recordings import tone, wav
from transcriber import cli
from transcriber.performance import Note, Performance, write_midi

RESULTS = {".musicxml", ".pdf", ".page-1.svg", ".mid", ".quantized.mid", ".sync.json"}


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(cli.app, [str(argument) for argument in arguments])


def scale() -> Performance:
    """Two bars of four quarters, then a held C: C D E F G A B c | c."""
    notes = [
        Note(0.5 * beat, 0.5 * beat + 0.45, pitch, 70) for beat, pitch in enumerate((60, 62, 64, 65, 67, 69, 71, 72))
    ]
    return Performance((*notes, Note(4.0, 5.9, 72, 80)), (), 6.0)


@pytest.fixture
def midi(tmp_path: Path) -> Path:
    path = tmp_path / "scale.mid"
    write_midi(scale(), path)
    return path


def test_a_midi_file_becomes_every_result(midi: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "scores"
    result = run(midi, "-o", out)
    assert result.exit_code == 0, result.output
    written = [Path(line) for line in result.stdout.splitlines()]
    assert {path.name for path in written} == {"scale" + suffix for suffix in RESULTS}
    assert {path.name for path in out.iterdir()} == {path.name for path in written}
    assert result.stderr == ""
    assert (out / "scale.pdf").read_bytes().startswith(b"%PDF-")
    assert b"<score-partwise" in (out / "scale.musicxml").read_bytes()
    assert (out / "scale.mid").read_bytes().startswith(b"MThd")
    assert json.loads((out / "scale.sync.json").read_bytes())


def test_a_failure_is_one_line_and_the_other_files_are_still_done(midi: Path, tmp_path: Path) -> None:
    (tmp_path / "letter.wav").write_text("Dear teacher, here is my recording.\n" * 50)
    (tmp_path / "short.wav").write_bytes(wav(tone(440, 0.05)))
    result = run(tmp_path / "letter.wav", midi, tmp_path / "short.wav", "-o", tmp_path / "out", "--formats", "musicxml")
    assert result.exit_code == 1
    assert result.stdout.splitlines() == [str(tmp_path / "out" / "scale.musicxml")]
    lines = result.stderr.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("letter.wav: This is not an audio or video file")
    assert lines[0].endswith("[not-audio]")
    assert lines[1] == "short.wav: This recording lasts 50 ms; at least 200 ms are needed. [recording-too-short]"


def test_two_recordings_of_one_name_keep_both_their_scores(midi: Path, tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "Scale.MID").write_bytes(midi.read_bytes())
    out = tmp_path / "out"
    result = run(midi, tmp_path / "a" / "Scale.MID", tmp_path / "b" / "Scale.MID", "-o", out, "--formats", "musicxml")
    assert result.exit_code == 0
    assert [Path(line).name for line in result.stdout.splitlines()] == [
        "scale.musicxml",
        "Scale-2.musicxml",
        "Scale-3.musicxml",
    ]


@pytest.mark.parametrize(
    "name", ["🎹 nocturne.mid", "two\nlines\x1b[2J.mid", "é" * 125 + ".mid", "-rf.mid", "[red].mid"]
)
def test_no_file_name_does_harm(midi: Path, tmp_path: Path, name: str) -> None:
    good, bad = tmp_path / name, tmp_path / "bad" / name
    good.write_bytes(midi.read_bytes())
    bad.parent.mkdir()
    bad.write_bytes(b"no music")
    out = tmp_path / "out"
    result = run(good, bad, "-o", out, "--formats", "musicxml,svg")
    assert result.exit_code == 1
    assert len(list(out.iterdir())) == 2
    assert all(path.parent == out and path.name.isprintable() for path in out.iterdir())
    [line] = result.stderr.splitlines()
    assert line.isprintable()
    assert len(line) < 250
    assert line.endswith("[not-audio]")


def test_wishes_reach_the_score(midi: Path, tmp_path: Path) -> None:
    (tmp_path / "edits.json").write_text('[{"edit": "delete", "source": 0}, {"edit": "title", "text": "Edited"}]')
    wishes: list[str | Path] = [
        "--composer",
        "A. Nobody",
        "--metre",
        "3/4",
        "--key",
        "Eb major",
        "--edits",
        tmp_path / "edits.json",
    ]
    result = run(midi, "-o", tmp_path, "--formats", "musicxml", "--title", "Ladder", "--device", "cpu", *wishes)
    assert result.exit_code == 0, result.output
    score = (tmp_path / "scale.musicxml").read_text()
    for element in ("Edited", "A. Nobody", "<beats>3</beats>", "<fifths>-3</fifths>"):
        assert element in score
    assert "Ladder" not in score


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--formats", "pdf,docx"], "docx"),
        (["--formats", ""], "nothing"),
        (["--metre", "3/5"], "3/5"),
        (["--key", "H major"], "H major"),
        (["--device", "tpu"], "tpu"),
        (["--size", "huge"], "huge"),
        (["--transpose", "13"], "13"),
        (["--edits", "no.json"], "no.json"),
        (["--no-such-option"], "--no-such-option"),
    ],
)
def test_a_wrong_command_line_ends_with_2_before_any_work(midi: Path, arguments: list[str], said: str) -> None:
    result = run(midi, "-o", midi.parent / "out", *arguments)
    assert result.exit_code == 2
    assert said in result.stderr
    assert not (midi.parent / "out").exists()


def test_edits_that_are_no_edits_are_a_wrong_command_line(midi: Path, tmp_path: Path) -> None:
    (tmp_path / "edits.json").write_text('[{"edit": "fly"}]')
    result = run(midi, "-o", tmp_path / "out", "--edits", tmp_path / "edits.json")
    assert result.exit_code == 2
    assert "Edit 1" in result.stderr


def test_no_recording_is_a_wrong_command_line() -> None:
    assert run().exit_code == 2


def test_a_result_never_replaces_any_of_the_recordings(midi: Path, tmp_path: Path) -> None:
    before = midi.read_bytes()
    (tmp_path / "scale.wav").write_bytes(wav(tone(440, 0.5)))
    result = run(tmp_path / "scale.wav", midi, "-o", tmp_path)
    assert result.exit_code == 2
    assert "choose another folder" in result.stderr
    assert midi.read_bytes() == before


def test_a_view_reaches_the_score(midi: Path, tmp_path: Path) -> None:
    view = ["--fingering", "--note-names", "--transpose", "2", "--size", "large", "--no-pedal"]
    result = run(str(midi), "-o", str(tmp_path), "--formats", "musicxml", *view)
    assert result.exit_code == 0, result.stderr
    musicxml = (tmp_path / "scale.musicxml").read_text()
    for part in ("<fingering", "<lyric", "<millimeters>9.5<"):
        assert part in musicxml
    assert "<pedal" not in musicxml


def test_an_unexpected_error_goes_to_a_log_and_not_to_the_screen(
    midi: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def explode(*_: object) -> None:
        raise ZeroDivisionError("of all things")

    monkeypatch.setattr(cli, "transcribe", explode)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    result = run(midi, "-o", tmp_path / "out")
    assert result.exit_code == 1
    [log] = tmp_path.glob("transcribe-*.log")
    assert result.stderr.splitlines() == [
        f"scale.mid: an unexpected error; please report it with the file {log} [internal-error]"
    ]
    assert "ZeroDivisionError: of all things" in log.read_text()
    assert "Traceback" in log.read_text()


def test_ctrl_c_ends_everything_at_once_with_130(midi: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", interrupt)
    result = run(midi, midi, "-o", tmp_path / "out", "--formats", "musicxml")
    assert result.exit_code == 130
    assert result.stdout == ""
    assert result.stderr == "Stopped.\n"
    assert list((tmp_path / "out").iterdir()) == []


def test_a_folder_that_cannot_be_written_is_a_failure_of_each_file(midi: Path, tmp_path: Path) -> None:
    (tmp_path / "out").touch()
    result = run(midi, "-o", tmp_path / "out", "--formats", "musicxml")
    assert result.exit_code == 1
    assert result.stderr.endswith("[cannot-write]\n")


@pytest.mark.parametrize("options", [[], ["--quiet"], ["--metre", "3/4"]])
def test_who_watches_is_told_of_other_metres(
    midi: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[str]
) -> None:
    monkeypatch.setattr(cli.Console, "is_terminal", True)
    monkeypatch.setattr(cli, "_progress", lambda *_: nullcontext(lambda stage, share: None))
    result = run(midi, "-o", tmp_path, "--formats", "musicxml", *options)
    assert result.exit_code == 0, result.stderr
    if options:
        assert result.stderr == ""
    else:
        assert re.fullmatch(
            r"scale.mid: written in 4/4; if the bars are wrong, try --metre \d/\d, \d/\d or \d/\d\n", result.stderr
        )


@pytest.mark.parametrize("quiet", [False, True])
def test_warnings_are_told_unless_quiet(
    midi: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quiet: bool
) -> None:
    plain = transcriber.transcribe

    def transcribe(*arguments: Any) -> transcriber.Transcription:
        return replace(plain(*arguments), warnings=("The recording is very quiet.",))

    monkeypatch.setattr(cli, "transcribe", transcribe)
    result = run(midi, "-o", tmp_path, "--formats", "musicxml", *["--quiet"] * quiet)
    assert result.exit_code == 0
    assert result.stderr == ("" if quiet else "scale.mid: warning: The recording is very quiet.\n")
    assert result.stdout == f"{tmp_path / 'scale.musicxml'}\n"


def test_help_and_version_need_no_network(tmp_path: Path) -> None:
    heavy = "{'torch', 'numpy', 'scipy', 'av', 'verovio', 'music21', 'pretty_midi'}"
    code = f"import sys, transcriber.cli; sys.exit(sorted({heavy} & set(sys.modules)) != [])"
    assert subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=False).returncode == 0
    assert run("--help").exit_code == 0
    assert run("--version").stdout == f"{version('transcriber')}\n"
