"""File names that strangers send: made harmless to show, to store and to send back in a header."""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import quote

LONGEST_NAME = 120  # characters: with a suffix and four bytes a character still below 500 bytes of header
FALLBACK = "recording"

MEDIA_TYPES = {
    ".musicxml": "application/vnd.recordare.musicxml+xml",
    ".pdf": "application/pdf",
    ".svg": "image/svg+xml",
    ".mid": "audio/midi",
    ".midi": "audio/midi",
    ".json": "application/json",
    ".wav": "audio/wav",
    ".flac": "audio/flac",
    ".mp3": "audio/mpeg",
    ".m4a": "audio/mp4",
    ".mp4": "audio/mp4",
    ".aac": "audio/aac",
    ".ogg": "audio/ogg",
    ".oga": "audio/ogg",
    ".opus": "audio/ogg",
    ".webm": "audio/webm",
    ".mov": "video/quicktime",
    ".aif": "audio/aiff",
    ".aiff": "audio/aiff",
}


def display_name(sent: str) -> str:
    """The last part of a path, without control, formatting and reserved characters, at most 120 characters long.

    The suffix survives the cut. An empty result becomes "recording".
    """
    name = unicodedata.normalize("NFC", sent).replace("\\", "/").rpartition("/")[2]
    name = "".join(" " if char in '<>:"|?*' else char for char in name if unicodedata.category(char)[0] != "C")
    name = re.sub(r"\s+", " ", name).strip(" .")
    if len(name) > LONGEST_NAME:
        stem, suffix = split_suffix(name)
        name = stem[: LONGEST_NAME - len(suffix)].rstrip(" .") + suffix
    return name or FALLBACK


def split_suffix(name: str) -> tuple[str, str]:
    """("Étude no. 3", ".mp3"): a suffix is a dot and 1 to 8 letters or digits; otherwise it is part of the stem."""
    match = re.fullmatch(r"(.+)(\.[A-Za-z0-9]{1,8})", name)
    return (match[1], match[2]) if match else (name, "")


def recording_blob(name: str) -> str:
    """What an upload is stored as: its suffix helps the decoder, nothing else of the sent name is used."""
    return "recording" + split_suffix(name)[1].lower()


def media_type(blob: str) -> str:
    """By suffix, from a closed list, so that nothing is served that a browser would run."""
    return MEDIA_TYPES.get(split_suffix(blob)[1].lower(), "application/octet-stream")


def content_disposition(name: str, inline: bool) -> str:
    """RFC 6266: an ASCII name for old clients and the true one in UTF-8."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    plain = re.sub(r'[\\"%]', "_", plain).strip() or FALLBACK
    kind = "inline" if inline else "attachment"
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
