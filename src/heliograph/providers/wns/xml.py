"""XML of toasts, tiles and badges, made from values and never from pasted strings. Pure.

Source: docs/providers/wns.md, "Payloads".
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final
from xml.etree import ElementTree as ET

TEXT: Final = "content"
"""The key whose value is an element's text; every other plain value is an attribute."""

_COUNTED: Final = frozenset({"text", "image"})
"""Elements that the older templates know by their number."""

_MAX_DEPTH: Final = 16
# What XML 1.0 can't hold in any spelling: control characters, surrogates, two non-characters.
_ILLEGAL: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_is_name: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}").fullmatch
_declared: Final = re.compile(r"\s*<\?xml\s[^>]*?encoding\s*=\s*[\"']([^\"']*)[\"']").match


class BadXml(ValueError):
    """A payload that is no XML that WNS could take; says why in words for the caller."""


def spell(root: ET.Element) -> bytes:
    """Spell a tree as a document in UTF-8."""
    spelled: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return spelled


def legal(text: str) -> str:
    """Leave out what XML can't hold."""
    return _ILLEGAL.sub("", text)


def element(name: str, said: Mapping[str, Any]) -> ET.Element:
    """Turn an object into an element: plain values are attributes, objects and lists children.

    A null says nothing. Raises BadXml for names and values that can't be.
    """
    return _element(name, said, 0)


def check_xml(text: str, root: str) -> bytes:
    """Let a finished document pass; raises BadXml for what isn't well-formed or has another root.

    No document type is read: entities are how a small text becomes a huge one.
    """
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise BadXml("xml must have no document type")
    declared = _declared(text)
    if declared and declared[1].lower() != "utf-8":
        raise BadXml("xml must be declared as UTF-8, or not at all")
    try:
        body = text.encode()
        tree = ET.fromstring(body)  # noqa: S314 - without a DTD there is nothing to expand
    except (ET.ParseError, ValueError) as error:
        raise BadXml("xml must be well-formed") from error
    if tree.tag.rpartition("}")[2] != root:
        raise BadXml(f"xml must have the root element {root}")
    return body


def _element(name: str, said: Mapping[str, Any], depth: int) -> ET.Element:
    if not _is_name(name):
        raise BadXml(f"{name[:40]!r} is no name of an element")
    if depth > _MAX_DEPTH:
        raise BadXml(f"elements must be nested at most {_MAX_DEPTH} deep")
    made = ET.Element(name)
    for key, value in said.items():
        if value is None:
            continue
        if key == TEXT:
            made.text = _plain(value)
        elif key == "launch" and isinstance(value, Mapping):
            # The app's own words: an object travels as its JSON.
            made.set(key, legal(json.dumps(value, ensure_ascii=False, separators=(",", ":"))))
        elif isinstance(value, Mapping):
            made.append(_element(key, value, depth + 1))
        elif isinstance(value, list):
            made.extend(_children(key, value, depth + 1))
        elif not _is_name(key):
            raise BadXml(f"{key[:40]!r} is no name of an attribute")
        else:
            made.set(key, _plain(value))
    return made


def _children(name: str, listed: list[Any], depth: int) -> list[ET.Element]:
    made = []
    for number, each in enumerate(listed, start=1):
        said = each if isinstance(each, Mapping) else {TEXT: each}
        child = _element(name, said, depth)
        if name in _COUNTED and child.get("id") is None:
            child.set("id", str(number))
        made.append(child)
    return made


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (str, int, float)):
        return legal(str(value))
    raise BadXml("attributes and texts must be strings, numbers, true or false")
