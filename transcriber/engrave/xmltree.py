"""How an XML tree grows here, by a child, a child with text, a child made when first needed; and how it is written."""

from __future__ import annotations

import re
from collections.abc import Mapping
from xml.etree.ElementTree import Element, SubElement
from xml.sax.saxutils import escape

FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # by XML 1.0, "Characters"
QUOTE = {'"': "&quot;"}
NOTHING: Mapping[str, str] = {}


def child(parent: Element, tag: str, **attributes: str) -> Element:
    """A new last child; an underscore in an attribute's name stands for a hyphen."""
    if attributes:
        attributes = {name.replace("_", "-"): value for name, value in attributes.items()}
    return SubElement(parent, tag, attributes)


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
    return words if words.isalnum() else FORBIDDEN.sub("", words)


def written(root: Element) -> str:
    """The text of a tree whose elements hold either words or others, an element a line, indented by a space a level.

    The same as `ElementTree.indent` and `ElementTree.tostring` give, who look for namespaces and mixed content, in a
    third of their time.
    """
    lines: list[str] = []
    _write(root, "", lines)
    return "\n".join(lines)


def _write(element: Element, margin: str, lines: list[str]) -> None:
    tag, given = element.tag, element.items()
    attributes = "".join([f' {name}="{_escaped(value, QUOTE)}"' for name, value in given]) if given else ""
    if len(element):
        lines.append(f"{margin}<{tag}{attributes}>")
        inner = margin + " "
        for part in element:
            _write(part, inner, lines)
        lines.append(f"{margin}</{tag}>")
    elif element.text:
        lines.append(f"{margin}<{tag}{attributes}>{_escaped(element.text)}</{tag}>")
    else:
        lines.append(f"{margin}<{tag}{attributes} />")


def _escaped(words: str, also: Mapping[str, str] = NOTHING) -> str:
    return words if words.isalnum() else escape(words, also)
