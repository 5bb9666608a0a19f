"""What a centre reports later of a message it took. Pure.

Source: SMPP 3.4, appendix B and section 5.3.2; docs/providers/sms.md, "Receipts".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from heliograph.core.model.receipt import ReceiptKind

if TYPE_CHECKING:
    from heliograph.outbound.smpp.pdus import Deliver

DELIVERED: Final = frozenset({"DELIVRD"})
"""The phone has it."""

ON_THE_WAY: Final = frozenset({"ACCEPTD", "ENROUTE"})
"""Between the centre and the phone: no evidence of anything yet."""

FAILED: Final = frozenset({"EXPIRED", "DELETED", "REJECTD", "UNKNOWN", "UNDELIV"})
"""The phone will never have it."""

OUT_OF_REACH: Final = frozenset({"UNDELIV"})
"""Of these, what says something of the phone; the others are of the message alone."""

_STATES: Final = {
    1: "ENROUTE", 2: "DELIVRD", 3: "EXPIRED", 4: "DELETED",
    5: "UNDELIV", 6: "ACCEPTD", 7: "UNKNOWN", 8: "REJECTD",
}  # fmt: skip
"""Values of message_state. Source: SMPP 3.4, section 5.2.28."""

_RECEIPTED_ID: Final = 0x001E
_MESSAGE_STATE: Final = 0x0427
_MESSAGE_PAYLOAD: Final = 0x0424
_TYPE_BITS: Final = 0x3C
_IS_RECEIPT: Final = 0x04
_is_decimal: Final = re.compile(r"[0-9]{1,20}").fullmatch
_is_hexadecimal: Final = re.compile(r"[0-9A-Fa-f]{1,16}").fullmatch
# Each centre has its own dates, errors and order: only these two are looked for.
_id: Final = re.compile(r"\bid:\s*([^\s]{1,64})", re.IGNORECASE).search
_stat: Final = re.compile(r"\bstat:\s*([A-Za-z]{1,8})", re.IGNORECASE).search
_err: Final = re.compile(r"\berr:\s*([0-9A-Za-z]{1,8})", re.IGNORECASE).search


@dataclass(frozen=True, slots=True)
class CentreReceipt:
    """One report. message_ids: what the message may have been called when it was taken.

    number: whose phone it is about, as the centre spells it. kind: None while
    the message is on its way. was_reached: whether the phone was, if that is known.
    """

    message_ids: tuple[str, ...]
    number: str
    kind: ReceiptKind | None
    detail: str
    was_reached: bool | None


def read_receipt(deliver: Deliver) -> CentreReceipt | None:
    """Read a report; None for what is none, such as an answer from a phone."""
    if deliver.esm_class & _TYPE_BITS != _IS_RECEIPT:
        return None
    text = (deliver.message or deliver.parameters.get(_MESSAGE_PAYLOAD, b"")).decode("latin-1")
    receipted = deliver.parameters.get(_RECEIPTED_ID, b"").rstrip(b"\0").decode("latin-1")
    named = _id(text)
    message_id = receipted or (named[1] if named else "")
    if not message_id or not message_id.isprintable():
        return None
    state = deliver.parameters.get(_MESSAGE_STATE, b"")
    found = _stat(text)
    stat = found[1].upper() if found else _STATES.get(state[0] if state else 0, "")
    failure = _err(text)
    # An error of nothing but zeroes is none.
    is_error = failure is not None and failure[1].strip("0") != ""
    detail = f"{stat} err:{failure[1]}" if failure and is_error else stat
    was_reached = True if stat in DELIVERED else False if stat in OUT_OF_REACH else None
    return CentreReceipt(spellings(message_id), deliver.source, _kind_of(stat), detail, was_reached)


def spellings(message_id: str) -> tuple[str, ...]:
    """Say what else an id may have been: centres answer in hexadecimal and report in decimal."""
    found = [message_id]
    if _is_decimal(message_id):
        number = int(message_id)
        found += [f"{number:x}", f"{number:X}", f"{number:08x}", f"{number:08X}", str(number)]
    if _is_hexadecimal(message_id):
        found += [str(int(message_id, 16)), f"{int(message_id, 16):010d}"]
    found += [message_id.lower(), message_id.upper(), message_id.lstrip("0") or "0"]
    return tuple(dict.fromkeys(found))


def _kind_of(stat: str) -> ReceiptKind | None:
    if stat in DELIVERED:
        return ReceiptKind.DELIVERED
    return ReceiptKind.FAILED if stat in FAILED else None
