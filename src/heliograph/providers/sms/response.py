"""What the answers of gateways and SMS centres mean.

Source: docs/providers/sms.md, "Gateway replies" and "SMPP replies".
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from heliograph.core.model.outcome import (
    Accepted,
    Deferred,
    Misconfigured,
    Rejected,
    TokenGone,
)
from heliograph.outbound.retry_after import retry_after_of
from heliograph.providers.sms.settings import (
    MAX_SUBMIT_FAILURES,
    QUEUE_FULL_PAUSE,
    SYSTEM_ERROR_PAUSE,
    THROTTLE_PAUSE,
    setting_of,
)
from heliograph.providers.sms.vocabulary import Meaning, Setting

if TYPE_CHECKING:
    from datetime import datetime

    from heliograph.core.model.application import SmppAccount, SmsGateway
    from heliograph.core.model.outcome import Outcome
    from heliograph.outbound.http1 import HttpReply, OutboundError

NEVER_ACCEPTABLE: Final = frozenset({400, 404, 405, 413, 422})
"""Something in the message, for this number."""

OURS_TO_FIX: Final = frozenset({401, 402, 403, 407})
"""The gateway's account: its password, its rights, its money."""

TRY_LATER: Final = frozenset({408, 425, 429})
"""The gateway's own trouble, besides every 5xx."""

TAKEN: Final = frozenset({0x00})
"""ESME_ROK."""

THROTTLED: Final = frozenset({0x58})
"""ESME_RTHROTTLED: more than the account may send in a second."""

QUEUE_FULL: Final = frozenset({0x14})
"""ESME_RMSGQFUL: as much as the centre holds for the account."""

FAILING_CENTRE: Final = frozenset({0x08, 0x64})
"""ESME_RSYSERR, ESME_RX_T_APPN: the centre's own trouble, which passes."""

SUBMIT_FAILED: Final = frozenset({0x45})
"""ESME_RSUBMITFAIL: no cause is known, so a few more tries are all it is worth."""

BAD_NUMBER: Final = frozenset({0x0B, 0x4A, 0x4B, 0x50, 0x51})
"""The destination, its type or its plan; some centres number the last two 0x4A and 0x4B."""

BAD_SENDER: Final = frozenset({0x0A, 0x48, 0x49})
"""The source, its type or its plan: what the account may send from."""

BAD_BIND: Final = frozenset({0x0D, 0x0E, 0x0F, 0x53})
"""ESME_RBINDFAIL, ESME_RINVPASWD, ESME_RINVSYSID, ESME_RINVSYSTYP: the account."""

WRONG_STATE: Final = frozenset({0x04, 0x05})
"""ESME_RINVBNDSTS, ESME_RALYBND: the session is not what we think; a new one cures it."""

UNACCEPTABLE: Final = frozenset(
    {0x01, 0x02, 0x43, 0x61, 0x62, 0x63, 0x65, 0x66, 0xC0, 0xC1, 0xC2, 0xC3, 0xC4}
)
"""Something in the PDU: repeating it repeats the answer."""

KNOWN_STATUSES: Final = frozenset().union(
    TAKEN,
    THROTTLED,
    QUEUE_FULL,
    FAILING_CENTRE,
    SUBMIT_FAILED,
    BAD_NUMBER,
    BAD_SENDER,
    BAD_BIND,
    WRONG_STATE,
    UNACCEPTABLE,
)
"""Every status of the page; any other is the message's end, unless the account says otherwise."""

NAMES: Final = {
    0x00: "ESME_ROK", 0x01: "ESME_RINVMSGLEN", 0x02: "ESME_RINVCMDLEN",
    0x04: "ESME_RINVBNDSTS", 0x05: "ESME_RALYBND", 0x08: "ESME_RSYSERR",
    0x0A: "ESME_RINVSRCADR", 0x0B: "ESME_RINVDSTADR", 0x0D: "ESME_RBINDFAIL",
    0x0E: "ESME_RINVPASWD", 0x0F: "ESME_RINVSYSID", 0x14: "ESME_RMSGQFUL",
    0x43: "ESME_RINVESMCLASS", 0x45: "ESME_RSUBMITFAIL", 0x48: "ESME_RINVSRCTON",
    0x49: "ESME_RINVSRCNPI", 0x50: "ESME_RINVDSTTON", 0x51: "ESME_RINVDSTNPI",
    0x53: "ESME_RINVSYSTYP", 0x58: "ESME_RTHROTTLED", 0x61: "ESME_RINVSCHED",
    0x62: "ESME_RINVEXPIRY", 0x63: "ESME_RINVDFTMSGID", 0x64: "ESME_RX_T_APPN",
    0x65: "ESME_RX_P_APPN", 0x66: "ESME_RX_R_APPN", 0xC0: "ESME_RINVOPTPARSTREAM",
    0xC1: "ESME_ROPTPARNOTALLWD", 0xC2: "ESME_RINVPARLEN", 0xC3: "ESME_RMISSINGOPTPARAM",
    0xC4: "ESME_RINVOPTPARAMVAL",
}  # fmt: skip
"""What SMPP 3.4 calls them. Source: section 5.1.3."""

_OK: Final = 200
_FIRST_REDIRECT: Final = 300
_BAD_REQUEST: Final = 400
_TOO_MANY: Final = 429
_FIRST_SERVER_ERROR: Final = 500
_AT_ONCE: Final = timedelta(0)
_LONGEST_REASON_CHARS: Final = 200
_READ_CHARS: Final = 4096
_id: Final = re.compile(r"[\s\"':=>]*([A-Za-z0-9._-]{1,64})").match


def interpret_gateway(gateway: SmsGateway, reply: HttpReply, *, now: datetime) -> Outcome:
    """Say what a gateway's reply means for one message.

    Source: docs/providers/sms.md, "Gateway replies".
    """
    status = reply.status
    said = reply.body.decode("utf-8", "replace")[:_READ_CHARS]
    reason = _reason(status, said)
    if _says(gateway, Setting.UNKNOWN_NUMBER, said):
        return TokenGone(reason, is_ambiguous=True)
    if _OK <= status < _FIRST_REDIRECT:
        return _taken(gateway, said, reason)
    if status in TRY_LATER or status >= _FIRST_SERVER_ERROR:
        asked = retry_after_of(reply.headers, now=now)
        pause = SYSTEM_ERROR_PAUSE if asked is None else asked
        return Deferred(reason, pause, is_ours=status == _TOO_MANY)
    # No redirect is followed: it would carry the account's password elsewhere.
    if status in OURS_TO_FIX or status < _BAD_REQUEST:
        return Misconfigured(reason)
    return Rejected(reason)


def interpret_lost(error: OutboundError) -> Outcome:
    """Say what a request without a reply means: another try, doubled at worst."""
    return Deferred(error.detail, _AT_ONCE if error.is_unprocessed else None)


def interpret_submit(account: SmppAccount, status: int, message_id: str, attempts: int) -> Outcome:
    """Say what a centre's status means for one message.

    attempts: provider calls made before this one. Source: docs/providers/sms.md, "SMPP replies".
    """
    if status in TAKEN:
        return Accepted(message_id or None)
    reason = status_name(status)
    later = _later(status, reason, attempts)
    if later is not None:
        return later
    vendor = dict(account.vendor_statuses).get(status)
    if status in BAD_NUMBER or vendor == Meaning.GONE:
        return TokenGone(reason, is_ambiguous=True)
    if status in BAD_SENDER | BAD_BIND or vendor == Meaning.MISCONFIGURED:
        return Misconfigured(reason)
    if vendor == Meaning.DEFERRED:
        return Deferred(reason, SYSTEM_ERROR_PAUSE)
    return Rejected(reason)


def interpret_bind(status: int) -> Outcome:
    """Say what a refused bind means for every message that waits for it."""
    reason = f"bind: {status_name(status)}"
    if status in THROTTLED | QUEUE_FULL | FAILING_CENTRE | WRONG_STATE:
        return Deferred(reason, SYSTEM_ERROR_PAUSE)
    return Misconfigured(reason)


def status_name(status: int) -> str:
    """Name a status, with its number: vendors differ on more of them than one would think."""
    return f"{NAMES.get(status, 'status')} (0x{status:02X})"


def _later(status: int, reason: str, attempts: int) -> Outcome | None:
    if status in THROTTLED:
        return Deferred(reason, THROTTLE_PAUSE, is_ours=True)
    if status in QUEUE_FULL:
        return Deferred(reason, QUEUE_FULL_PAUSE, is_ours=True)
    if status in FAILING_CENTRE | WRONG_STATE:
        return Deferred(reason, SYSTEM_ERROR_PAUSE)
    if status in SUBMIT_FAILED and attempts + 1 < MAX_SUBMIT_FAILURES:
        return Deferred(reason, SYSTEM_ERROR_PAUSE)
    return None


def _taken(gateway: SmsGateway, said: str, reason: str) -> Outcome:
    if _says(gateway, Setting.FAILURE, said):
        return Rejected(reason)
    wanted = setting_of(gateway, Setting.SUCCESS)
    if wanted and wanted.casefold() not in said.casefold():
        return Rejected(reason)
    mark = setting_of(gateway, Setting.ID_AFTER)
    _, found, rest = said.partition(mark) if mark else ("", "", "")
    named = _id(rest) if found else None
    return Accepted(named[1] if named else None)


def _says(gateway: SmsGateway, name: Setting, said: str) -> bool:
    text = setting_of(gateway, name) or ""
    return text != "" and text.casefold() in said.casefold()


def _reason(status: int, said: str) -> str:
    sentence = "".join(filter(str.isprintable, said.strip().partition("\n")[0]))
    return f"HTTP {status}: {sentence}"[:_LONGEST_REASON_CHARS] if sentence else f"HTTP {status}"
