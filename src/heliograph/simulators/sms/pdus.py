"""PDUs as an SMS centre reads and writes them, with nothing but the standard library. Pure.

Source: SMPP 3.4, sections 4 and 5.
"""

from struct import Struct
from typing import Final, NamedTuple

HEADER: Final = Struct("!IIII")
BINDS: Final = frozenset({0x01, 0x02, 0x09})
SUBMIT_SM: Final = 0x04
DELIVER_SM: Final = 0x05
UNBIND: Final = 0x06
ENQUIRE_LINK: Final = 0x15
RESPONSE: Final = 0x8000_0000
GENERIC_NACK: Final = 0x8000_0000

STATUSES: Final = {
    "ESME_ROK": 0x00, "ESME_RINVMSGLEN": 0x01, "ESME_RINVCMDLEN": 0x02, "ESME_RINVCMDID": 0x03,
    "ESME_RINVBNDSTS": 0x04, "ESME_RALYBND": 0x05, "ESME_RSYSERR": 0x08, "ESME_RINVSRCADR": 0x0A,
    "ESME_RINVDSTADR": 0x0B, "ESME_RBINDFAIL": 0x0D, "ESME_RINVPASWD": 0x0E,
    "ESME_RINVSYSID": 0x0F, "ESME_RMSGQFUL": 0x14, "ESME_RINVESMCLASS": 0x43,
    "ESME_RSUBMITFAIL": 0x45, "ESME_RINVSRCTON": 0x48, "ESME_RINVSRCNPI": 0x49,
    "ESME_RINVDSTTON": 0x50, "ESME_RINVDSTNPI": 0x51, "ESME_RINVSYSTYP": 0x53,
    "ESME_RTHROTTLED": 0x58, "ESME_RX_T_APPN": 0x64, "ESME_RX_P_APPN": 0x65,
    "ESME_RX_R_APPN": 0x66,
}  # fmt: skip

_BASIC: Final = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED: Final = {
    0x0A: "\f", 0x14: "^", 0x28: "{", 0x29: "}", 0x2F: "\\",
    0x3C: "[", 0x3D: "~", 0x3E: "]", 0x40: "|", 0x65: "€",
}  # fmt: skip
_HAS_HEADER: Final = 0x40
_UCS2: Final = 8
_CONCATENATED: Final = bytes([5, 0, 3])


class Submitted(NamedTuple):
    """One part as it came. part: its number and of how many; reference: what they share."""

    source: str
    source_ton: int
    number: str
    destination_ton: int
    coding: int
    text: str
    octets: int
    wants_receipt: bool
    validity: str
    reference: int = 0
    part: tuple[int, int] = (1, 1)


def read_texts(body: bytes, count: int) -> list[str]:
    """Read the C-octet strings that a PDU begins with; raises ValueError if they aren't there."""
    found = body.split(b"\0", count)
    if len(found) <= count:
        raise ValueError("cut short")
    return [text.decode("latin-1") for text in found[:count]]


def read_submission(body: bytes) -> Submitted:
    """Read a submit_sm; raises ValueError or IndexError for one that can't be."""
    _, _, rest = body.partition(b"\0")
    source_ton = rest[0]
    source, _, rest = rest[2:].partition(b"\0")
    destination_ton = rest[0]
    number, _, rest = rest[2:].partition(b"\0")
    esm_class = rest[0]
    _, _, rest = rest[3:].partition(b"\0")
    validity, _, rest = rest.partition(b"\0")
    registered, _, coding, _, length = rest[:5]
    octets = rest[5 : 5 + length]
    if len(octets) != length:
        raise ValueError("cut short")
    reference, part = 0, (1, 1)
    if esm_class & _HAS_HEADER:
        header, octets = octets[: octets[0] + 1], octets[octets[0] + 1 :]
        if header[:3] != _CONCATENATED:
            raise ValueError("an unknown header")
        reference, part = header[3], (header[5], header[4])
    return Submitted(
        source.decode("latin-1"),
        source_ton,
        number.decode("latin-1"),
        destination_ton,
        coding,
        octets.decode("utf-16-be") if coding == _UCS2 else from_gsm7(octets),
        len(octets),
        bool(registered & 1),
        validity.decode("latin-1"),
        reference,
        part,
    )


def from_gsm7(octets: bytes) -> str:
    """Read unpacked septets; raises ValueError for what isn't in the alphabet."""
    text = []
    septets = iter(octets)
    for septet in septets:
        if septet >= len(_BASIC):
            raise ValueError("no septet")
        text.append(_EXTENDED[next(septets)] if septet == 0x1B else _BASIC[septet])  # noqa: PLR2004
    return "".join(text)


def spell_receipt(
    sequence: int, *, source: str, destination: str, message_id: str, stat: str
) -> bytes:
    """Spell a report of a message: from the phone's number, in the text of SMPP's appendix B."""
    shot = "000" if stat == "DELIVRD" else "001"
    text = (
        f"id:{message_id} sub:001 dlvrd:001 submit date:260301120000 done date:260301120001 "
        f"stat:{stat} err:{shot} text:"
    ).encode("latin-1")
    parameter = b"\x00\x1e" + (len(message_id) + 1).to_bytes(2) + message_id.encode() + b"\0"
    body = (
        b"\0\x01\x01" + source.encode("latin-1") + b"\0"
        b"\x00\x00" + destination.encode("latin-1") + b"\0"
        b"\x04\x00\x00\0\0\x00\x00\x00\x00" + bytes([len(text)]) + text + parameter
    )  # fmt: skip
    return spell(DELIVER_SM, 0, sequence, body)


def spell(command: int, status: int, sequence: int, body: bytes = b"") -> bytes:
    """Spell a PDU."""
    return HEADER.pack(HEADER.size + len(body), command, status, sequence) + body
