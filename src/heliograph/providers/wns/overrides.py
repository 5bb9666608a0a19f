"""What a notification says in WNS' own words. Pure.

Source: docs/providers/wns.md, "Overrides".
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from heliograph.providers.wns.settings import MAX_TAG_CHARS
from heliograph.providers.wns.xml import BadXml, check_xml, element, spell

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_TTL_S: Final = 2_592_000
"""Thirty days: a channel lives no longer."""

_TYPE: Final = "type"
_XML: Final = "xml"
_RAW_BYTES: Final = "raw_base64"
_HEADERS: Final = "headers"
_is_tag: Final = re.compile(rf"[A-Za-z0-9]{{1,{MAX_TAG_CHARS}}}").fullmatch
_is_seconds: Final = re.compile(r"[0-9]{1,7}").fullmatch
_is_vector: Final = re.compile(r"[A-Za-z0-9+/.]{1,128}").fullmatch
_FLAGS: Final = frozenset({"true", "false"})
_POLICIES: Final = frozenset({"cache", "no-cache"})


class Kind(StrEnum):
    """What a notification is to Windows."""

    TOAST = "toast"
    TILE = "tile"
    BADGE = "badge"
    RAW = "raw"


class BadOverride(ValueError):
    """Overrides that can't be; says why in words for the caller."""


class Overrides(NamedTuple):
    """What was said: the kind, a finished body, and headers by lower-case names."""

    kind: Kind | None = None
    body: bytes | None = None
    headers: Mapping[str, str] = {}


def read_overrides(said: Mapping[str, Any]) -> Overrides:
    """Read what was said in Microsoft's words; raises BadOverride."""
    known = {_TYPE, _XML, _RAW_BYTES, _HEADERS, *Kind}
    unknown = [name for name in said if name not in known]
    if unknown:
        raise BadOverride(f"{unknown[0][:40]!r} is not one of {', '.join(sorted(known))}")
    headers = _headers_of(said.get(_HEADERS))
    kind = _kind_of(said.get(_TYPE), headers.pop("x-wns-type", None))
    bodies = [name for name in (_XML, _RAW_BYTES, *Kind) if said.get(name) is not None]
    if len(bodies) > 1:
        raise BadOverride(f"{' and '.join(bodies)} exclude each other")
    if not bodies:
        return Overrides(kind, None, headers)
    (name,) = bodies
    implied = kind or Kind.TOAST
    if name in tuple(Kind):
        implied = Kind(name)
    elif name == _RAW_BYTES:
        implied = Kind.RAW
    if kind not in (None, implied):
        raise BadOverride(f"{name} is no {kind}")
    return Overrides(implied, _body_of(name, said[name], implied), headers)


def _body_of(name: str, value: Any, kind: Kind) -> bytes:
    try:
        if name == _XML:
            return _document(value, kind)
        if name in (Kind.RAW, _RAW_BYTES):
            return _raw(name, value)
        if name == Kind.BADGE and not isinstance(value, Mapping):
            value = {"value": value}
        if not isinstance(value, Mapping):
            raise BadOverride(f"{name} must be an object")
        return spell(element(name, value))
    except BadXml as error:
        raise BadOverride(f"{name}: {error}") from error


def _document(value: Any, kind: Kind) -> bytes:
    if kind is Kind.RAW:
        raise BadOverride("a raw notification has raw or raw_base64")
    if not isinstance(value, str):
        raise BadOverride("xml must be a string")
    return check_xml(value, kind)


def _raw(name: str, value: Any) -> bytes:
    if name == _RAW_BYTES:
        try:
            return base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError, TypeError) as error:
            raise BadOverride("raw_base64 must be Base64") from error
    return value.encode("utf-8", "replace") if isinstance(value, str) else _json(value)


def _json(value: Any) -> bytes:
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except (ValueError, TypeError, RecursionError) as error:
        raise BadOverride("raw must be text or JSON") from error
    return text.encode("utf-8", "replace")


def _kind_of(said: Any, in_header: str | None) -> Kind | None:
    named = in_header.removeprefix("wns/") if in_header else None
    found = said if said is not None else named
    if found is None:
        return None
    if named not in (None, found):
        raise BadOverride("type and X-WNS-Type differ")
    if found not in tuple(Kind):
        raise BadOverride(f"type must be one of {', '.join(Kind)}")
    return Kind(found)


def _headers_of(said: Any) -> dict[str, str]:
    if said is None:
        return {}
    if not isinstance(said, Mapping):
        raise BadOverride("headers must be an object")
    headers: dict[str, str] = {}
    for name, value in said.items():
        if value is None:
            continue
        lower = name.lower()
        rule = _RULES.get(lower)
        if rule is None:
            raise BadOverride(f"{name[:40]!r} is no header of WNS that may be set")
        text = ("true" if value else "false") if isinstance(value, bool) else str(value)
        if not rule.fits(text):
            raise BadOverride(f"{name} must be {rule.expected}")
        headers[lower] = text
    return headers


class _Rule(NamedTuple):
    """What a header's value may be: its test, and the words for what failed it."""

    fits: Callable[[str], bool]
    expected: str


def _is_ttl(text: str) -> bool:
    return bool(_is_seconds(text)) and int(text) <= MAX_TTL_S


def _is_kind(text: str) -> bool:
    return text.removeprefix("wns/") in tuple(Kind)


_TAG_RULE: Final = _Rule(
    lambda text: bool(_is_tag(text)), f"1 to {MAX_TAG_CHARS} letters or digits"
)
_FLAG_RULE: Final = _Rule(_FLAGS.__contains__, "true or false")
_RULES: Final[Mapping[str, _Rule]] = {
    "x-wns-type": _Rule(_is_kind, "one of " + ", ".join(f"wns/{kind}" for kind in Kind)),
    "x-wns-cache-policy": _Rule(_POLICIES.__contains__, "cache or no-cache"),
    "x-wns-ttl": _Rule(_is_ttl, f"seconds, 0 to {MAX_TTL_S}"),
    "x-wns-tag": _TAG_RULE,
    "x-wns-group": _TAG_RULE,
    "x-wns-suppresspopup": _FLAG_RULE,
    "x-wns-requestforstatus": _FLAG_RULE,
    "ms-cv": _Rule(lambda text: bool(_is_vector(text)), "a correlation vector"),
}
"""Headers that a notification may say itself, and what their values may be."""
