"""The text fields of an upload: title, composer, metre and key, checked before the job exists."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping

from transcriber.errors import OptionError
from transcriber.options import read_key, read_metre
from worker.job import Wishes

LONGEST_TEXT = 200  # characters: two lines of a printed title


def read_wishes(fields: Mapping[str, str]) -> Wishes:
    """An absent title prints the recording's name, an empty one nothing; unknown fields are passed over.

    Raises OptionError, with the value that cannot be used.
    """
    metre, key = fields.get("metre") or None, fields.get("key") or None
    if metre:
        read_metre(metre)
    if key:
        read_key(key)
    title = _text(fields, "title") if "title" in fields else None
    return Wishes(title, _text(fields, "composer"), metre, key)


def _text(fields: Mapping[str, str], name: str) -> str:
    sent = fields.get(name, "")
    if len(sent) > LONGEST_TEXT:
        raise OptionError(f"The {name} has {len(sent)} characters; at most {LONGEST_TEXT} are accepted.")
    spaced = "".join(" " if unicodedata.category(char) == "Cc" else char for char in sent)
    return " ".join(spaced.split())
