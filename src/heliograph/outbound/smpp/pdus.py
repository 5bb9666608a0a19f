"""PDUs of SMPP 3.4: those we send are spelled by aiosmpplib, those we get are read here. Pure.

Reading is our own because a centre's mistakes must cost one PDU and not the
session: statuses of a vendor's, receipts without a text, fields cut short.

Source: SMPP 3.4; docs/decisions/0019-smpp.md.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from struct import Struct
from typing import TYPE_CHECKING, Final, NamedTuple

from aiosmpplib.protocol import (
    BindTransceiver,
    DeliverSmResp,
    EnquireLink,
    EnquireLinkResp,
    GenericNack,
    SubmitSm,
    Unbind,
    UnbindResp,
)
from aiosmpplib.state import NPI, TON, PhoneNumber, SmppCommandStatus

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta

BIND_TRANSCEIVER: Final = 0x0000_0009
SUBMIT_SM: Final = 0x0000_0004
DELIVER_SM: Final = 0x0000_0005
UNBIND: Final = 0x0000_0006
ENQUIRE_LINK: Final = 0x0000_0015
ALERT_NOTIFICATION: Final = 0x0000_0102
GENERIC_NACK: Final = 0x8000_0000
RESPONSE: Final = 0x8000_0000
"""The bit that makes a command the answer to it."""

HEADER_BYTES: Final = 16
LARGEST_PDU_BYTES: Final = 70_000
"""A payload of 64 KiB, and what goes with it."""

OK: Final = 0x00
UNKNOWN_COMMAND: Final = SmppCommandStatus.ESME_RINVCMDID
TRY_AGAIN: Final = SmppCommandStatus.ESME_RX_T_APPN

_HAS_HEADER: Final = 0x40
_UCS2: Final = "ucs2"
_header: Final = Struct("!IIII")
_tag: Final = Struct("!HH")
_is_number: Final = re.compile(r"\+?[0-9]+").fullmatch


class BrokenPdu(ValueError):
    """Octets that are no PDU; nothing after them can be read either."""


class Header(NamedTuple):
    """The beginning of every PDU. length: in octets, these 16 included."""

    length: int
    command: int
    status: int
    sequence: int


@dataclass(frozen=True, slots=True)
class Bind:
    """What a session is opened with. password: secret."""

    system_id: str
    password: str
    system_type: str = ""

    def __repr__(self) -> str:
        """Say who, and not by which password."""
        return f"Bind({self.system_id!r})"


@dataclass(frozen=True, slots=True)
class Submission:
    """One part of a message. octets: with its header, if it has one.

    sender: a number, letters, or empty for the centre's choice. lifetime:
    None for as long as the centre keeps it.
    """

    number: str
    octets: bytes
    sender: str = ""
    is_ucs2: bool = False
    has_header: bool = False
    wants_receipt: bool = True
    lifetime: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Deliver:
    """What a centre hands us. parameters: the optional ones by tag; of a repeated one the last."""

    esm_class: int
    source: str
    message: bytes
    parameters: Mapping[int, bytes]


def spell_bind(bind: Bind, sequence: int) -> bytes:
    """Spell a bind as a transceiver; raises ValueError for what doesn't fit its fields."""
    spelled: bytes = BindTransceiver(
        sequence_num=sequence,
        system_id=bind.system_id,
        password=bind.password,
        system_type=bind.system_type,
    ).pdu()
    return spelled


def spell_submission(part: Submission, sequence: int) -> bytes:
    """Spell a submit_sm; raises ValueError for what doesn't fit its fields."""
    message = SubmitSm(
        sequence_num=sequence,
        # It wants a text even though the octets are set below.
        short_message=" ",
        source=_address(part.sender),
        destination=_address(part.number),
        esm_class=_HAS_HEADER if part.has_header else 0,
        validity_period=part.lifetime,
        registered_delivery=1 if part.wants_receipt else 0,
        encoding=_UCS2 if part.is_ucs2 else None,
    )
    message.set_encoded_message(part.octets)
    spelled: bytes = message.pdu()
    return spelled


def spell_enquire_link(sequence: int) -> bytes:
    """Spell the question whether the other side lives."""
    spelled: bytes = EnquireLink(sequence_num=sequence).pdu()
    return spelled


def spell_unbind(sequence: int) -> bytes:
    """Spell the end of a session."""
    spelled: bytes = Unbind(sequence_num=sequence).pdu()
    return spelled


def spell_answer(header: Header, status: SmppCommandStatus | None = None) -> bytes:
    """Spell the answer to a request of the centre's; generic_nack for what we don't know."""
    said = SmppCommandStatus.ESME_ROK if status is None else status
    kind = _ANSWERS.get(header.command)
    if kind is None:
        kind, said = GenericNack, UNKNOWN_COMMAND
    spelled: bytes = kind(sequence_num=header.sequence, command_status=said).pdu()
    return spelled


def read_header(octets: bytes) -> Header:
    """Read the first 16 octets; raises BrokenPdu."""
    header = Header(*_header.unpack(octets))
    if not HEADER_BYTES <= header.length <= LARGEST_PDU_BYTES:
        raise BrokenPdu
    return header


def read_text(body: bytes) -> str:
    """Read the text that a response begins with, such as a message's id; empty if there is none."""
    return body.partition(b"\0")[0].decode("latin-1")


def read_deliver(body: bytes) -> Deliver:
    """Read the body of a deliver_sm; raises BrokenPdu for one that is cut short."""
    reader = _Reader(body)
    reader.text()
    reader.octets(2)
    source = reader.text()
    reader.octets(2)
    reader.text()
    esm_class = reader.octets(3)[0]
    reader.text()
    reader.text()
    length = reader.octets(5)[4]
    message = reader.octets(length)
    return Deliver(esm_class, source.decode("latin-1"), message, reader.parameters())


class _Reader:
    """Reads fields one after the other."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._at = 0

    def octets(self, count: int) -> bytes:
        end = self._at + count
        if end > len(self._body):
            raise BrokenPdu
        found = self._body[self._at : end]
        self._at = end
        return found

    def text(self) -> bytes:
        end = self._body.find(b"\0", self._at)
        if end < 0:
            raise BrokenPdu
        found = self._body[self._at : end]
        self._at = end + 1
        return found

    def parameters(self) -> dict[int, bytes]:
        """Read what is left; a parameter that is cut short ends it, for it is the last."""
        found = {}
        while len(self._body) - self._at >= _tag.size:
            tag, length = _tag.unpack(self.octets(_tag.size))
            if len(self._body) - self._at < length:
                break
            found[tag] = self.octets(length)
        return found


def _address(text: str) -> PhoneNumber:
    """Spell whom a message is for or from: its type and plan say how to read it."""
    if not text:
        return PhoneNumber("")
    if not _is_number(text):
        return PhoneNumber(text, TON.ALPHANUMERIC, NPI.UNKNOWN)
    if text.startswith("+"):
        return PhoneNumber(text[1:], TON.INTERNATIONAL, NPI.ISDN)
    return PhoneNumber(text)


_ANSWERS: Final = {
    DELIVER_SM: DeliverSmResp,
    ENQUIRE_LINK: EnquireLinkResp,
    UNBIND: UnbindResp,
}
