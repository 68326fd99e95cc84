"""Copies of recordings in a bucket: gone when the work ends, also where the process that worked was killed."""

import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

import pytest

from worker import temporary
from worker.temporary import discard_abandoned, temporary_folder

KILLED = """
import os, signal
from worker.temporary import temporary_folder
with temporary_folder() as folder:
    (folder / "recording.wav").write_bytes(b"RIFF")
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Of temporary files, for this process and those that it starts."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return tmp_path


def test_it_is_there_for_the_block_alone(place: Path) -> None:
    with suppress(ZeroDivisionError), temporary_folder() as folder:
        (folder / "recording.wav").write_bytes(b"RIFF")
        assert list(place.iterdir()) == [folder]
        raise ZeroDivisionError
    assert list(place.iterdir()) == []


def test_what_a_killed_process_left_goes_and_what_is_in_use_stays(place: Path) -> None:
    (place / "of-another-program").mkdir()
    subprocess.run([sys.executable, "-c", KILLED], check=False)
    assert [path.name for path in place.rglob("*.wav")] == ["recording.wav"]
    with temporary_folder() as folder:
        assert sorted(place.iterdir()) == sorted([place / "of-another-program", folder])
        assert discard_abandoned() == 0
        assert folder.exists()


def test_a_folder_discarded_before_it_was_locked_is_made_anew(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, made = tempfile.mkdtemp, []

    def mkdtemp(prefix: str) -> str:
        made.append(real(prefix=prefix))
        if len(made) == 1:
            discard_abandoned()
        return made[-1]

    monkeypatch.setattr(temporary.tempfile, "mkdtemp", mkdtemp)
    with temporary_folder() as folder:
        assert [str(folder)] == made[1:]
        assert folder.exists()
