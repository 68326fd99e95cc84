"""The three ways in which an XML tree grows here: a child, a child with text, and a child made when first needed."""

from __future__ import annotations

from xml.etree.ElementTree import Element, SubElement


def child(parent: Element, tag: str, **attributes: str) -> Element:
    """A new last child; an underscore in an attribute's name stands for a hyphen."""
    return SubElement(parent, tag, {name.replace("_", "-"): value for name, value in attributes.items()})


def text(parent: Element, tag: str, content: object, **attributes: str) -> Element:
    """A new last child that holds text."""
    element = child(parent, tag, **attributes)
    element.text = str(content)
    return element


def only(parent: Element, tag: str) -> Element:
    """The child of this tag, made where there is none yet."""
    found = parent.find(tag)
    return child(parent, tag) if found is None else found
