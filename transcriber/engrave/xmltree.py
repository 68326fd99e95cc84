"""The ways in which an XML tree grows here: a child, a child with text, and a child made when first needed."""

from __future__ import annotations

import re
from xml.etree.ElementTree import Element, SubElement

FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # by XML 1.0, "Characters"


def child(parent: Element, tag: str, **attributes: str) -> Element:
    """A new last child; an underscore in an attribute's name stands for a hyphen."""
    return SubElement(parent, tag, {name.replace("_", "-"): value for name, value in attributes.items()})


def text(parent: Element, tag: str, content: object, **attributes: str) -> Element:
    """A new last child that holds text, less the characters that no XML document may hold."""
    element = child(parent, tag, **attributes)
    element.text = printable(str(content))
    return element


def only(parent: Element, tag: str) -> Element:
    """The child of this tag, made where there is none yet."""
    found = parent.find(tag)
    return child(parent, tag) if found is None else found


def printable(words: str) -> str:
    """Words without control characters and halves of surrogate pairs, as they come in with names of files."""
    return FORBIDDEN.sub("", words)
