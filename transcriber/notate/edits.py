"""A musician's corrections: a short list that is replayed whenever the score is written again.

As JSON, a list of objects: {"edit": "metre", "beats": 3, "beat_type": 4}, {"edit": "pickup", "quarters": "1/2"},
{"edit": "tempo-level", "factor": 2}, {"edit": "key", "fifths": -2, "mode": "minor"}, {"edit": "bar-line", "source":
12} (a bar begins with this note), {"edit": "hand", "source": 12, "hand": "left"}, {"edit": "hands", "first": 12,
"last": 20, "hand": "left"} (both ends included; a note's own edit goes before that of a range), {"edit": "delete",
"source": 12}, {"edit": "respell", "source": 12, "step": "B", "alter": -1},
{"edit": "title", "text": "..."}, {"edit": "composer", "text": "..."}, {"edit": "add", "id": "a1", "onset_s": 3.2,
"offset_s": 3.6, "pitch": 64, "velocity": 70} (the velocity may be left out). A metre, a tempo level and a key with a
"source" hold from that note on, until the next of their kind with one. `source` is the index of the performed
note, which every written head carries; the notes that were added follow those of the recording in the edits' order.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal, TypeVar, get_args

from transcriber.errors import EditError
from transcriber.notate.additions import AddNote
from transcriber.performance import Performance
from transcriber.score import LOWER, STEP_SEMITONES, UPPER, KeySignature, Step, TimeSignature

K = TypeVar("K")
V = TypeVar("V")

MOST_EDITS = 100_000
MOST_BEATS = 24
BEAT_TYPES = (1, 2, 4, 8, 16)
MOST_FIFTHS = 7
MOST_ALTER = 2
LONGEST_TEXT = 300
TEMPO_LEVELS = (Fraction(1, 4), Fraction(1, 3), Fraction(1, 2), Fraction(2), Fraction(3), Fraction(4))


@dataclass(frozen=True, slots=True)
class SetMetre:
    """Of the whole piece, or from note `source` on, with which a bar begins."""

    time: TimeSignature
    source: int | None = None


@dataclass(frozen=True, slots=True)
class SetPickup:
    """What is played before the first full bar; 0: the first note stands on the first beat."""

    quarters: Fraction


@dataclass(frozen=True, slots=True)
class SetTempoLevel:
    """2: twice as many beats as were found (values twice as long); 1/2: half as many. Several multiply.

    With a `source` the beats from that note on, beside what is said of the whole piece.
    """

    factor: Fraction
    source: int | None = None


@dataclass(frozen=True, slots=True)
class SetKey:
    """Of the whole piece, or from the bar of note `source` on."""

    key: KeySignature
    source: int | None = None


@dataclass(frozen=True, slots=True)
class SetHand:
    source: int
    hand: Literal["left", "right"]


@dataclass(frozen=True, slots=True)
class SetHands:
    """The hand of every note from source `first` to `last`, where no SetHand says otherwise."""

    first: int
    last: int
    hand: Literal["left", "right"]


@dataclass(frozen=True, slots=True)
class SetBarLine:
    """A bar begins with this note."""

    source: int


@dataclass(frozen=True, slots=True)
class DeleteNote:
    source: int


@dataclass(frozen=True, slots=True)
class RespellNote:
    source: int
    step: Step
    alter: int


@dataclass(frozen=True, slots=True)
class SetTitle:
    text: str


@dataclass(frozen=True, slots=True)
class SetComposer:
    text: str


Edit = (
    SetMetre
    | SetPickup
    | SetTempoLevel
    | SetKey
    | SetBarLine
    | SetHand
    | SetHands
    | DeleteNote
    | RespellNote
    | SetTitle
    | SetComposer
    | AddNote
)


@dataclass(frozen=True)
class Corrections:
    """All edits together. None: as found. `staves`, `names`: by source. `bar_lines`: sources that begin a bar.

    `times`, `tempo_levels`, `keys`: by the source from which on they hold.
    """

    time: TimeSignature | None
    times: Mapping[int, TimeSignature]
    pickup_q: Fraction | None
    tempo_level: Fraction
    tempo_levels: Mapping[int, Fraction]
    key: KeySignature | None
    keys: Mapping[int, KeySignature]
    bar_lines: tuple[int, ...]
    staves: Mapping[int, int]
    deleted: frozenset[int]
    names: Mapping[int, tuple[Step, int]]
    title: str | None
    composer: str | None


def gather(edits: Sequence[Edit], performance: Performance) -> Corrections:
    """What the edits come to, for a performance that has the added notes already.

    Raises EditError where one is impossible or two contradict each other.
    """
    metres: dict[int | None, TimeSignature] = {}
    pickup: dict[str, Fraction] = {}
    levels: dict[int | None, Fraction] = {}
    keys: dict[int | None, KeySignature] = {}
    title: dict[str, str] = {}
    composer: dict[str, str] = {}
    staves: dict[int, int] = {}
    ranges: dict[int, int] = {}
    names: dict[int, tuple[Step, int]] = {}
    bar_lines: set[int] = set()
    deleted: set[int] = set()
    for edit in edits:
        _check(edit, performance)
        match edit:
            case SetMetre(time, source):
                _set_once(metres, source, time, f"The metre{_from_note(source)}")
            case SetPickup(quarters):
                _set_once(pickup, "pickup", quarters, "The pickup")
            case SetTempoLevel(factor, source):
                levels[source] = levels.get(source, Fraction(1)) * factor
            case SetKey(signature, source):
                _set_once(keys, source, signature, f"The key{_from_note(source)}")
            case SetHand(source, hand):
                _set_once(staves, source, UPPER if hand == "right" else LOWER, f"The hand of note {source}")
            case SetHands(first, last, hand):
                for source in range(first, last + 1):
                    _set_once(ranges, source, UPPER if hand == "right" else LOWER, f"The hand of note {source}")
            case SetBarLine(source):
                bar_lines.add(source)
            case DeleteNote(source):
                deleted.add(source)
            case RespellNote(source, step, alter):
                _set_once(names, source, (step, alter), f"The name of note {source}")
            case AddNote():
                pass  # it is in the performance
            case SetTitle(text):
                title["title"] = text
            case SetComposer(text):
                composer["composer"] = text
    lost = deleted & (staves.keys() | names.keys() | bar_lines | metres.keys() | levels.keys() | keys.keys())
    if lost:
        raise EditError(f"Note {min(lost)} is deleted and changed at once; keep one of the two edits.")
    whole = metres.get(None)
    if whole is not None and "pickup" in pickup and pickup["pickup"] >= whole.measure_q:
        raise EditError(f"A pickup of {pickup['pickup']} quarters is as long as a whole bar; give less than one bar.")
    return Corrections(
        whole,
        _by_source(metres),
        pickup.get("pickup"),
        levels.get(None, Fraction(1)),
        _by_source(levels),
        keys.get(None),
        _by_source(keys),
        tuple(sorted(bar_lines)),
        ranges | staves,
        frozenset(deleted),
        names,
        title.get("title"),
        composer.get("composer"),
    )


def _from_note(source: int | None) -> str:
    return "" if source is None else f" from note {source} on"


def _by_source(found: Mapping[int | None, V]) -> dict[int, V]:
    return {source: value for source, value in found.items() if source is not None}


def parse_edits(text: str | bytes) -> tuple[Edit, ...]:
    """Edits from JSON. Raises EditError with the number of the edit that is wrong, counted from 1."""
    try:
        listed = json.loads(text)
    except (ValueError, RecursionError) as cause:
        raise EditError("The edits are not valid JSON; send a list of objects.") from cause
    return read_edits(listed)


def read_edits(listed: Any) -> tuple[Edit, ...]:
    """Edits from JSON that is parsed already. Raises EditError as `parse_edits`."""
    if not isinstance(listed, list | tuple) or len(listed) > MOST_EDITS:
        raise EditError(f"The edits must be a JSON list of at most {MOST_EDITS} objects.")
    edits = []
    for number, fields in enumerate(listed, start=1):
        try:
            edits.append(_read(fields))
        except (KeyError, TypeError, ValueError, ZeroDivisionError, OverflowError) as cause:
            raise EditError(f"Edit {number} cannot be read: {_shown(fields)}.") from cause
    return tuple(edits)


def edits_json(edits: Sequence[Edit]) -> str:
    """The JSON that `parse_edits` reads back as the same edits."""
    return json.dumps(list(edit_objects(edits)), ensure_ascii=False)


def edit_objects(edits: Sequence[Edit]) -> tuple[dict[str, Any], ...]:
    """The objects of `edits_json`, which `read_edits` reads back."""
    return tuple(_written(edit) for edit in edits)


def _read(fields: Any) -> Edit:
    if not isinstance(fields, dict):
        raise TypeError("not an object")
    given = dict(fields)
    kind = given.pop("edit")
    edit: Edit = _READERS[kind](given)
    if given:
        raise ValueError(f"unknown fields {sorted(given)}")
    return edit


def _whole(fields: dict[str, Any], name: str) -> int:
    value = fields.pop(name)
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} must be a whole number")
    return value


def _text(fields: dict[str, Any], name: str, choices: tuple[str, ...] | None = None) -> Any:
    value = fields.pop(name)
    if not isinstance(value, str) or (choices is not None and value not in choices):
        raise TypeError(f"{name} must be {'text' if choices is None else ' or '.join(choices)}")
    return value


def _seconds(fields: dict[str, Any], name: str) -> float:
    value = fields.pop(name)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{name} must be a number")
    return float(value)


def _fraction(fields: dict[str, Any], name: str) -> Fraction:
    value = fields.pop(name)
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise TypeError(f"{name} must be a number")
    return Fraction(value).limit_denominator(960)


def _source(fields: dict[str, Any]) -> int | None:
    """The note from which on an edit holds; None for the whole piece."""
    return _whole(fields, "source") if "source" in fields else None


def _read_key(fields: dict[str, Any]) -> Edit:
    fifths = _whole(fields, "fifths")
    mode: Any = _text(fields, "mode", ("major", "minor")) if "mode" in fields else "major"
    return SetKey(KeySignature(fifths, mode), _source(fields))


_READERS: dict[str, Callable[[dict[str, Any]], Edit]] = {
    "metre": lambda fields: SetMetre(
        TimeSignature(_whole(fields, "beats"), _whole(fields, "beat_type")), _source(fields)
    ),
    "pickup": lambda fields: SetPickup(_fraction(fields, "quarters")),
    "tempo-level": lambda fields: SetTempoLevel(_fraction(fields, "factor"), _source(fields)),
    "key": _read_key,
    "hand": lambda fields: SetHand(_whole(fields, "source"), _text(fields, "hand", ("left", "right"))),
    "hands": lambda fields: SetHands(
        _whole(fields, "first"), _whole(fields, "last"), _text(fields, "hand", ("left", "right"))
    ),
    "bar-line": lambda fields: SetBarLine(_whole(fields, "source")),
    "delete": lambda fields: DeleteNote(_whole(fields, "source")),
    "respell": lambda fields: RespellNote(
        _whole(fields, "source"), _text(fields, "step", get_args(Step)), _whole(fields, "alter")
    ),
    "title": lambda fields: SetTitle(_text(fields, "text")),
    "composer": lambda fields: SetComposer(_text(fields, "text")),
    "add": lambda fields: AddNote(
        _text(fields, "id"),
        _seconds(fields, "onset_s"),
        _seconds(fields, "offset_s"),
        _whole(fields, "pitch"),
        _whole(fields, "velocity") if "velocity" in fields else None,
    ),
}


def _written(edit: Edit) -> dict[str, Any]:
    match edit:
        case SetMetre(time, source):
            return {"edit": "metre", "beats": time.beats, "beat_type": time.beat_type, **_since(source)}
        case SetPickup(quarters):
            return {"edit": "pickup", "quarters": str(quarters)}
        case SetTempoLevel(factor, source):
            return {"edit": "tempo-level", "factor": str(factor), **_since(source)}
        case SetKey(key, source):
            return {"edit": "key", "fifths": key.fifths, "mode": key.mode, **_since(source)}
        case SetHand(source, hand):
            return {"edit": "hand", "source": source, "hand": hand}
        case SetHands(first, last, hand):
            return {"edit": "hands", "first": first, "last": last, "hand": hand}
        case SetBarLine(source):
            return {"edit": "bar-line", "source": source}
        case DeleteNote(source):
            return {"edit": "delete", "source": source}
        case RespellNote(source, step, alter):
            return {"edit": "respell", "source": source, "step": step, "alter": alter}
        case SetTitle(text):
            return {"edit": "title", "text": text}
        case SetComposer(text):
            return {"edit": "composer", "text": text}
        case AddNote(id, onset_s, offset_s, pitch, velocity):
            written = {"edit": "add", "id": id, "onset_s": onset_s, "offset_s": offset_s, "pitch": pitch}
            return written if velocity is None else {**written, "velocity": velocity}


def _since(source: int | None) -> dict[str, int]:
    return {} if source is None else {"source": source}


def _check(edit: Edit, performance: Performance) -> None:
    """Raise EditError where `edit` is impossible by itself."""
    if isinstance(edit, SetMetre | SetTempoLevel | SetKey) and edit.source is not None:
        _check_source(edit.source, performance)
    match edit:
        case SetMetre(time):
            if not 1 <= time.beats <= MOST_BEATS or time.beat_type not in BEAT_TYPES:
                raise EditError(f"{time} is no metre that can be written; give one such as 3/4.")
        case SetPickup(quarters):
            if quarters < 0:
                raise EditError(f"A pickup of {quarters} quarters is negative; give 0 for none.")
        case SetTempoLevel(factor):
            if factor not in TEMPO_LEVELS and factor != 1:
                raise EditError(f"The tempo level cannot change by {factor}; give 2, 1/2, 3 or 1/3.")
        case SetKey(key):
            if abs(key.fifths) > MOST_FIFTHS:
                raise EditError(f"A key of {key.fifths} fifths has too many accidentals; give -7 to 7.")
        case SetHand(source) | DeleteNote(source) | SetBarLine(source):
            _check_source(source, performance)
        case SetHands(first, last):
            _check_source(first, performance)
            _check_source(last, performance)
            if first > last:
                raise EditError(
                    f"The range from note {first} to note {last} runs backwards; give the earlier one first."
                )
        case RespellNote(source, step, alter):
            _check_source(source, performance)
            pitch = performance.notes[source].pitch
            if abs(alter) > MOST_ALTER or (STEP_SEMITONES[step] + alter - pitch) % 12 != 0:
                raise EditError(f"Note {source} does not sound as {step} altered by {alter}; give a name of its pitch.")
        case SetTitle(text) | SetComposer(text):
            if len(text) > LONGEST_TEXT:
                raise EditError(f"A title or name of {len(text)} characters is too long; give at most {LONGEST_TEXT}.")


def _check_source(source: int, performance: Performance) -> None:
    if not 0 <= source < len(performance.notes):
        raise EditError(f"There is no note {source}; the recording has {len(performance.notes)} notes, counted from 0.")


def _set_once(found: dict[K, V], slot: K, value: V, name: str) -> None:
    if found.setdefault(slot, value) != value:
        raise EditError(f"{name} is set twice to different values; keep one of the two edits.")


def _shown(fields: Any) -> str:
    text = json.dumps(fields, ensure_ascii=False)
    return text if len(text) <= 80 else text[:77] + "..."
