"""A folder of recordings and what was played on them: which file belongs to which.

A recording and its labels have the same name, in any case, and stand side by side or in two folders (`audio/one.m4a`,
`midi/one.mid`). Labels are MIDI files, or tables (.tsv) of onset, end of sound, pitch and velocity. A table such as
MAESTRO's (a .csv with audio_filename, midi_filename and split) says itself what belongs together and what is for
training and for validation; what it sets aside for tests is never touched.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from transcriber.errors import TrainingDataError
from transcriber.files import AUDIO_SUFFIXES, LABEL_SUFFIXES

CSV_COLUMNS = {"audio_filename", "midi_filename", "split"}
MOST_NAMED = 3  # files in one warning

Split = Literal["train", "validation"]


@dataclass(frozen=True, slots=True)
class Pair:
    """`name` is the recording's path in the folder without suffix; `split` is None where nobody decided."""

    name: str
    audio: Path
    labels: Path
    split: Split | None = None


@dataclass(frozen=True, slots=True)
class Folder:
    """The pairs of a folder, by name, and one sentence on each kind of file that is left out."""

    pairs: tuple[Pair, ...]
    warnings: tuple[str, ...]


def find_pairs(folder: Path) -> Folder:
    """Raises TrainingDataError where there is no folder or no pair in it."""
    if not folder.is_dir():
        raise TrainingDataError(f"{folder} is no folder; give one with recordings and MIDI files of the same names.")
    files = sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    tables = [path for path in files if path.suffix.lower() == ".csv" and _columns(path) >= CSV_COLUMNS]
    if tables:
        return _listed(folder, tables[0])
    audio = [path for path in files if path.suffix.lower() in AUDIO_SUFFIXES]
    labels = [path for path in files if path.suffix.lower() in LABEL_SUFFIXES]
    if not audio or not labels:
        found = f"{_count(audio, 'recording')} and {_count(labels, 'MIDI file')}"
        raise TrainingDataError(f"{folder} holds {found}; it needs recordings and MIDI files of the same names.")
    return _by_name(folder, audio, labels)


def _by_name(folder: Path, audio: Sequence[Path], labels: Sequence[Path]) -> Folder:
    beside = {(path.parent, path.stem.casefold()): path for path in reversed(labels)}
    elsewhere: dict[str, list[Path]] = {}
    for path in labels:
        elsewhere.setdefault(path.stem.casefold(), []).append(path)
    pairs: dict[Path, Pair] = {}
    lonely = []
    for path in audio:
        key = path.stem.casefold()
        alone = elsewhere.get(key, ())
        match = beside.get((path.parent, key)) or (alone[0] if len(alone) == 1 else None)
        if match is None or match in pairs:
            lonely.append(path)
        else:
            pairs[match] = Pair(path.relative_to(folder).with_suffix("").as_posix(), path, match)
    if not pairs:
        raise TrainingDataError(
            f"No recording in {folder} has a MIDI file of its name: {_named(lonely)} stand beside "
            f"{_named(labels)}. Rename them so that each pair differs in its suffix only."
        )
    warnings = []
    if lonely:
        warnings.append(f"Left out, since no MIDI file of their own has their name: {_named(lonely)}.")
    unused = {path.stem.casefold() for path in labels} - {path.stem.casefold() for path in audio}
    if unused:
        without = [path for path in labels if path.stem.casefold() in unused]
        warnings.append(f"Left out, since no recording has their name: {_named(without)}.")
    return Folder(tuple(sorted(pairs.values(), key=lambda pair: pair.name)), tuple(warnings))


def _listed(folder: Path, table: Path) -> Folder:
    """What MAESTRO's table, or one like it, lists and the folder holds."""
    pairs, missing = [], []
    with table.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            audio, labels = table.parent / row["audio_filename"], table.parent / row["midi_filename"]
            split = row["split"].strip().lower()
            if split not in ("train", "validation"):
                continue
            if not (audio.is_file() and labels.is_file()):
                missing.append(audio if not audio.is_file() else labels)
                continue
            name = Path(row["audio_filename"]).with_suffix("").as_posix()
            pairs.append(Pair(name, audio, labels, "train" if split == "train" else "validation"))
    if not pairs:
        raise TrainingDataError(f"Of the recordings that {table.name} lists for training, none is in {folder}.")
    warnings = (f"{table.name} lists {len(missing)} files that are not here: {_named(missing)}.",) if missing else ()
    return Folder(tuple(sorted(pairs, key=lambda pair: pair.name)), warnings)


def _columns(path: Path) -> set[str]:
    try:
        with path.open(newline="", encoding="utf-8") as file:
            return set(next(csv.reader(file), []))
    except UnicodeDecodeError:  # some other program's table
        return set()


def _named(paths: Iterable[Path]) -> str:
    names = [path.name for path in paths]
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return ", ".join(names[:MOST_NAMED]) + more


def _count(paths: Sequence[Path], what: str) -> str:
    return f"{len(paths) or 'no'} {what}{'' if len(paths) == 1 else 's'}"
