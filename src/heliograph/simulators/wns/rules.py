"""What WNS checks of a message, in the words of its error header. Pure.

Source: docs/providers/wns.md, "Request".
"""

import re
from collections.abc import Callable
from typing import Final
from xml.parsers import expat

from heliograph.simulators.exchange import Request

LARGEST_BYTES: Final = 5000
XML_KINDS: Final = frozenset({"toast", "tile", "badge"})
KINDS: Final = frozenset({"wns/toast", "wns/tile", "wns/badge", "wns/raw"})

_is_tag: Final = re.compile(rb"[A-Za-z0-9]{1,16}").fullmatch
_is_number: Final = re.compile(rb"[0-9]{1,10}").fullmatch
_RULES: Final[dict[bytes, Callable[[bytes], bool]]] = {
    b"x-wns-cache-policy": lambda value: value in (b"cache", b"no-cache"),
    b"x-wns-requestforstatus": lambda value: value in (b"true", b"false"),
    b"x-wns-tag": lambda value: bool(_is_tag(value)),
    b"x-wns-group": lambda value: bool(_is_tag(value)),
    b"x-wns-ttl": lambda value: bool(_is_number(value)),
}


def problem_of(request: Request) -> tuple[int, str] | None:
    """Say what is wrong with a message, as status and sentence; None if nothing is."""
    if len(request.body) > LARGEST_BYTES:
        return 413, "The payload is over 5000 bytes"
    sentence = _wrong_header(request.headers) or _wrong_payload(request)
    return None if sentence is None else (400, sentence)


def _wrong_header(headers: dict[bytes, bytes]) -> str | None:
    if b"content-length" not in headers:
        return "Content-Length is missing"
    for header, is_right in _RULES.items():
        value = headers.get(header)
        if value is not None and not is_right(value):
            return f"{header.decode()} is wrong"
    if b"x-wns-suppresspopup" in headers:
        return "X-WNS-SuppressPopup is for channels of phones"
    return None


def _wrong_payload(request: Request) -> str | None:
    kind = request.headers.get(b"x-wns-type", b"").decode("latin-1")
    if kind not in KINDS:
        return "X-WNS-Type is missing or unknown"
    name = kind.removeprefix("wns/")
    content_type = request.headers.get(b"content-type", b"").partition(b";")[0].strip()
    if content_type != (b"text/xml" if name in XML_KINDS else b"application/octet-stream"):
        return "Content-Type does not go with X-WNS-Type"
    if name in XML_KINDS and root_of(request.body) != name:
        return f"The payload is no {name}"
    return None


def root_of(body: bytes) -> str | None:
    """Say the root element of a document; None for what is not well-formed."""
    names: list[str] = []
    parser = expat.ParserCreate()
    parser.StartElementHandler = lambda name, _: names.append(name)
    try:
        parser.Parse(body, True)  # noqa: FBT003 - the standard library's own spelling
    except expat.ExpatError:
        return None
    return names[0]
