"""The command line as a stranger meets it: what it prints where, what it leaves on the disk, and how it ends."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from pathlib import Path

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
