"""What a musician may ask for, as text: formats, metre and key, checked before any work starts."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from transcriber.errors import OptionError
from transcriber.score import STEP_SEMITONES, KeySignature, TimeSignature

if TYPE_CHECKING:
    from transcriber.notate.edits import Edit

FORMATS = ("musicxml", "pdf", "svg", "midi", "sync")
Device = Literal["auto", "cpu", "cuda"]
Level = Literal["full", "simple"]
Size = Literal["normal", "large", "largest"]

MOST_SEMITONES = 12  # of transposition: every key is reached within an octave
MOST_BEATS = 24  # 24/16 is the longest bar in the piano repertoire
BEAT_TYPES = (1, 2, 4, 8, 16)
MOST_FIFTHS = 7  # seven sharps or flats
ALTERATIONS = {"": 0, "#": 1, "♯": 1, "sharp": 1, "b": -1, "♭": -1, "flat": -1}
KEY = re.compile(r"([A-Ga-g])\s*-?\s*(#|♯|sharp|b|♭|flat)?\s*-?\s*(major|maj|minor|min|m)?", re.IGNORECASE)
FIFTHS = {step: (7 * semitones + 5) % 12 - 5 for step, semitones in STEP_SEMITONES.items()}  # F -1, C 0, ... B 5


@dataclass(frozen=True, slots=True)
class View:
    """How a score is shown to one reader; none of it changes what was heard.

    `level` "simple" writes for learners: sixteenths at the shortest, one voice a hand, no ornaments, nothing beyond a
    ninth. `chords` prints chord symbols, `note_names` a letter at every head, `fingering` the fingers, `pedal` the
    pedal marks. `transpose` in semitones. `size` "large" is for beginners and weak eyes, "largest" for a telephone.
    Raises OptionError for a value that makes no sense.
    """

    level: Level = "full"
    chords: bool = False
    note_names: bool = False
    fingering: bool = False
    pedal: bool = True
    transpose: int = 0
    size: Size = "normal"

    def __post_init__(self) -> None:
        if self.level not in get_args(Level):
            raise OptionError(f"No level is called {self.level}; choose from {', '.join(get_args(Level))}.")
        if self.size not in get_args(Size):
            raise OptionError(f"No size is called {self.size}; choose from {', '.join(get_args(Size))}.")
        if not -MOST_SEMITONES <= self.transpose <= MOST_SEMITONES:
            raise OptionError(
                f"A score cannot be transposed by {self.transpose} semitones; give -{MOST_SEMITONES} to"
                f" {MOST_SEMITONES}."
            )


AS_HEARD = View()


@dataclass(frozen=True, slots=True)
class Options:
    """Wishes for one transcription; what is left out is decided from the music.

    `title` None prints the recording's name (files.title_for), "" nothing. `metre` as "3/4", `key` as "Bb major",
    "f# minor" or a number of sharps (flats negative). `level`, `chords`, `note_names`, `fingering`, `pedal`,
    `transpose`, `size` as in View. `checkpoint` is a note model other than the shipped one. `edits` are applied after
    metre and key. Raises OptionError for a value that makes no sense.
    """

    formats: tuple[str, ...] = FORMATS
    title: str | None = None
    composer: str = ""
    metre: str | None = None
    key: str | None = None
    level: Level = "full"
    chords: bool = False
    device: Device = "auto"
    checkpoint: Path | None = None
    edits: tuple[Edit, ...] = field(default=())
    note_names: bool = False
    fingering: bool = False
    pedal: bool = True
    transpose: int = 0
    size: Size = "normal"

    def __post_init__(self) -> None:
        unknown = [name for name in self.formats if name not in FORMATS]
        if unknown or not self.formats:
            raise OptionError(
                f"No format is called {', '.join(unknown) or 'nothing'}; choose from {', '.join(FORMATS)}."
            )
        if self.device not in get_args(Device):
            raise OptionError(f"No device is called {self.device}; choose from {', '.join(get_args(Device))}.")
        _ = self.view  # which checks its own values
        if self.metre is not None:
            read_metre(self.metre)
        if self.key is not None:
            read_key(self.key)

    @property
    def view(self) -> View:
        return View(self.level, self.chords, self.note_names, self.fingering, self.pedal, self.transpose, self.size)

    def all_edits(self) -> list[Edit]:
        """Metre and key as edits, then the others."""
        from transcriber.notate.edits import SetKey, SetMetre

        wishes: list[Edit] = []
        if self.metre is not None:
            wishes.append(SetMetre(read_metre(self.metre)))
        if self.key is not None:
            wishes.append(SetKey(read_key(self.key)))
        return [*wishes, *self.edits]


def read_metre(text: str) -> TimeSignature:
    """ "3/4" as a time signature. Raises OptionError."""
    match = re.fullmatch(r"\s*(\d{1,2})\s*/\s*(\d{1,2})\s*", text)
    beats, beat_type = (int(match[1]), int(match[2])) if match else (0, 0)
    if not 1 <= beats <= MOST_BEATS or beat_type not in BEAT_TYPES:
        raise OptionError(f'"{text}" is no metre that can be written; give one such as 3/4, 4/4 or 6/8.')
    return TimeSignature(beats, beat_type)


def read_key(text: str) -> KeySignature:
    """ "Bb major", "f# minor", "Am", or sharps as a number. A lone small letter is a minor key. Raises OptionError."""
    text = text.strip()
    if re.fullmatch(r"[+-]?\d", text):
        signature = KeySignature(int(text))
    elif match := KEY.fullmatch(text):
        step, alteration, mode = match[1], (match[2] or "").lower(), match[3]
        minor = step.islower() if mode is None else mode == "m" or mode.lower().startswith("min")
        fifths = FIFTHS[step.upper()] + 7 * ALTERATIONS[alteration]  # type: ignore[index]
        signature = KeySignature(fifths - 3, "minor") if minor else KeySignature(fifths, "major")
    else:
        raise OptionError(f'"{text}" is no key; give one such as "Bb major", "f# minor" or -2 for two flats.')
    if abs(signature.fifths) > MOST_FIFTHS:
        raise OptionError(
            f'"{text}" needs more than {MOST_FIFTHS} sharps or flats; choose the same key spelled simpler.'
        )
    return signature
