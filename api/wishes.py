"""The text fields of an upload: title, composer, metre, key and the view, checked before the job exists."""

from __future__ import annotations

import dataclasses
import re
import unicodedata
from collections.abc import Mapping
from typing import Any

from transcriber.errors import OptionError
from transcriber.options import View, read_key, read_metre
from worker.job import Wishes
from worker.webhooks import UnusableAddress, read_address

LONGEST_TEXT = 200  # characters: two lines of a printed title
VIEW_FIELDS = tuple(field.name for field in dataclasses.fields(View))
SWITCHES = ("chords", "note_names", "fingering", "pedal")
SWITCH_WORDS = {"true": True, "1": True, "on": True, "false": False, "0": False, "off": False}  # "on": a form's box


def read_wishes(fields: Mapping[str, str]) -> Wishes:
    """An absent title prints the recording's name, an empty one nothing; unknown fields are passed over.

    Raises OptionError, with the value that cannot be used.
    """
    metre, key = fields.get("metre") or None, fields.get("key") or None
    if metre:
        read_metre(metre)
    if key:
        read_key(key)
    title = cleaned("title", fields["title"]) if "title" in fields else None
    return Wishes(title, cleaned("composer", fields.get("composer", "")), metre, key, _view(fields))


def read_webhook(fields: Mapping[str, str], secret: str, private: bool) -> str | None:
    """The address to tell of the job's end. Raises OptionError where nothing can be sent there."""
    sent = fields.get("webhook") or None
    if sent is None:
        return None
    if not secret:
        raise OptionError("This service sends no webhooks; poll the job or follow its events.")
    try:
        read_address(sent, private)
    except UnusableAddress as cause:
        raise OptionError(f"The webhook cannot be used: {cause}.") from cause
    return sent


def cleaned(name: str, sent: str) -> str:
    """The text of field `name` on one line. Raises OptionError where it is too long."""
    if len(sent) > LONGEST_TEXT:
        raise OptionError(f"The {name} has {len(sent)} characters; at most {LONGEST_TEXT} are accepted.")
    spaced = "".join(" " if unicodedata.category(char) == "Cc" else char for char in sent)
    return " ".join(spaced.split())


def _view(fields: Mapping[str, str]) -> View:
    sent = {name: fields[name] for name in VIEW_FIELDS if fields.get(name)}
    read: dict[str, Any] = {name: _switch(name, text) for name, text in sent.items() if name in SWITCHES}
    if "transpose" in sent:
        if not re.fullmatch(r"[+-]?\d{1,3}", sent["transpose"]):
            raise OptionError(f'The field transpose cannot be "{sent["transpose"]}"; give semitones, for instance -2.')
        read["transpose"] = int(sent["transpose"])
    return View(**{**sent, **read})


def _switch(name: str, text: str) -> bool:
    if text.lower() not in SWITCH_WORDS:
        raise OptionError(f'The field {name} cannot be "{text}"; give true or false.')
    return SWITCH_WORDS[text.lower()]
