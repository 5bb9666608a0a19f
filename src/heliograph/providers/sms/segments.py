"""Texts as phones get them: which alphabet, how many parts, which octets. Pure.

Source: 3GPP TS 23.038, section 6.2.1 (alphabet); TS 23.040, section 9.2.3.24.1 (parts).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

_BASIC: Final = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_ESCAPE: Final = 0x1B
_EXTENDED: Final = {
    "\f": 0x0A, "^": 0x14, "{": 0x28, "}": 0x29, "\\": 0x2F,
    "[": 0x3C, "~": 0x3D, "]": 0x3E, "|": 0x40, "€": 0x65,
}  # fmt: skip
_SEPTETS: Final[dict[str, bytes]] = {
    **{letter: bytes([code]) for code, letter in enumerate(_BASIC) if code != _ESCAPE},
    **{letter: bytes([_ESCAPE, code]) for letter, code in _EXTENDED.items()},
}
"""Each letter's septets, one in an octet; those of the extension table take two."""

_PART_OCTETS: Final = 140
_HEADER_OCTETS: Final = 6
_MOST_PARTS: Final = 255


class Coding(StrEnum):
    """The two alphabets that every phone knows."""

    GSM7 = "gsm7"
    UCS2 = "ucs2"


@dataclass(frozen=True, slots=True)
class Segments:
    """A text cut into parts.

    parts: of GSM-7 one septet an octet, of UCS-2 two octets a unit, without
    headers. units: septets or UTF-16 units in all. size_bytes: octets over the
    air, headers included; those of every part but the last count as full.
    """

    coding: Coding
    parts: tuple[bytes, ...]
    units: int
    size_bytes: int

    @property
    def count(self) -> int:
        """How many messages the text is to a network."""
        return len(self.parts)


def segment(text: str) -> Segments:
    """Cut a text into parts, in GSM-7 if every letter is in it, else in UCS-2.

    No letter of two septets and no surrogate pair is ever cut in two.
    """
    septets = [_SEPTETS.get(letter) for letter in text]
    if None not in septets:
        letters = [each for each in septets if each is not None]
        return _cut(Coding.GSM7, letters, single=160, each=153)
    units = [letter.encode("utf-16-be", "replace") for letter in text]
    return _cut(Coding.UCS2, units, single=140, each=134)


def with_header(segments: Segments, number: int, reference: int) -> bytes:
    """Answer a part with the header that puts it together again with the others.

    number: 1 for the first. reference: 0 to 255, the same of all the parts.
    """
    part = segments.parts[number - 1]
    if segments.count == 1:
        return part
    return bytes([5, 0, 3, reference, segments.count, number]) + part


def limit_bytes(max_segments: int) -> int:
    """Say how many octets over the air so many parts may have."""
    return max_segments * _PART_OCTETS


def _cut(coding: Coding, letters: Sequence[bytes], *, single: int, each: int) -> Segments:
    octets = b"".join(letters)
    units = len(octets) if coding is Coding.GSM7 else len(octets) // 2
    if len(octets) <= single:
        return Segments(coding, (octets,), units, _packed(coding, octets))
    parts: list[bytearray] = [bytearray()]
    for letter in letters:
        if len(parts[-1]) + len(letter) > each:
            parts.append(bytearray())
        parts[-1] += letter
    last = _HEADER_OCTETS + _packed(coding, parts[-1])
    size = (len(parts) - 1) * _PART_OCTETS + last
    return Segments(coding, tuple(map(bytes, parts)), units, size)


def _packed(coding: Coding, octets: bytes | bytearray) -> int:
    """Say how many octets it is over the air, where septets are packed."""
    return (len(octets) * 7 + 7) // 8 if coding is Coding.GSM7 else len(octets)
