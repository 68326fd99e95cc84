"""Files on disk: which may be read as a recording, and how results are written."""

from __future__ import annotations

import secrets
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from transcriber.errors import EmptyFile, UnreadableFile, UnwritableOutput

MIDI_SIGNATURE = b"MThd"
# Bytes of UTF-8. Common file systems allow 255; the longest suffix and a temporary name take 30 of them.
LONGEST_STEM = 200
LABEL_SUFFIXES = (".tsv", ".mid", ".midi")
# What counts as a recording in a folder of many files; one that a person names may have any suffix.
AUDIO_SUFFIXES = (
    *(".wav", ".flac", ".mp3", ".m4a", ".mp4", ".aac", ".ogg", ".oga", ".opus", ".aif", ".aiff", ".wma", ".webm"),
    *(".mov", ".mkv", ".avi", ".caf", ".w64", ".au", ".wv", ".ape", ".amr", ".3gp"),
)


def label_file(audio: Path) -> Path | None:
    """The file of known notes that stands beside a recording, under its name."""
    return next((path for suffix in LABEL_SUFFIXES if (path := audio.with_suffix(suffix)).exists()), None)


def audio_files(folder: Path) -> list[Path]:
    """Every recording below `folder`, by name."""
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in AUDIO_SUFFIXES)


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Around everything that reads a recording: raises UnreadableFile or EmptyFile, also where reading fails later."""
    try:
        if not path.is_file():
            # A pipe or a device would be read for ever.
            found = "a folder" if path.is_dir() else "not an ordinary file" if path.exists() else "missing"
            raise UnreadableFile(f"This file cannot be read: it is {found}. Choose a recording.")
        if path.stat().st_size == 0:
            raise EmptyFile("This file is empty; copy or upload the recording again.")
        yield
    except OSError as cause:
        raise UnreadableFile(f"This file cannot be read: {_reason(cause)}.") from cause


def is_midi(path: Path) -> bool:
    """By content: a MIDI file under any name. Raises as `readable`."""
    with readable(path), path.open("rb") as file:
        return file.read(len(MIDI_SIGNATURE)) == MIDI_SIGNATURE


def stem_for(name: str) -> str:
    """A file name's stem, fit to begin the names of results: no control characters, at most 200 bytes."""
    stem = "".join("_" if unicodedata.category(char) in ("Cc", "Cs") else char for char in Path(name).stem)
    return stem.encode()[:LONGEST_STEM].decode(errors="ignore").rstrip() or "recording"


def title_for(name: str) -> str:
    """What is printed above a recording that nobody named: its file's name as one would write it by hand."""
    title = " ".join(stem_for(name).replace("_", " ").split())
    return title[:1].upper() + title[1:] or "Recording"


def write_results(directory: Path, results: dict[str, bytes]) -> list[Path]:
    """Write each `results[name]` as `directory/name`, whole or not at all. Raises UnwritableOutput."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        return [_write(directory / name, data) for name, data in results.items()]
    except OSError as cause:
        raise UnwritableOutput(f"The score cannot be written to {directory}: {_reason(cause)}.") from cause


def _write(path: Path, data: bytes) -> Path:
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        temporary.write_bytes(data)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return path


def _reason(cause: OSError) -> str:
    return (cause.strerror or type(cause).__name__).lower()
