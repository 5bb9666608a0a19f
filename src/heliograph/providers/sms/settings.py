"""What a gateway, an SMPP account and a number must look like, and the limits of SMS.

Source: docs/providers/sms.md.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from heliograph.core.errors import InvalidRequest, Problem, ProblemKind
from heliograph.core.model.application import SmppAccount, SmsGateway
from heliograph.core.model.registration import Environment
from heliograph.outbound.guard import PLAIN_OR_TLS, Guard, UrlRefused
from heliograph.providers.sms.vocabulary import MEANINGS, Setting

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from heliograph.core.model.application import GatewayParameter, Secret

THROTTLE_PAUSE: Final = timedelta(seconds=3)
"""After ESME_RTHROTTLED. Source: docs/providers/sms.md, "SMPP replies"."""

QUEUE_FULL_PAUSE: Final = timedelta(seconds=30)
"""After ESME_RMSGQFUL. Source: as above."""

SYSTEM_ERROR_PAUSE: Final = timedelta(seconds=10)
"""After the centre's own trouble, or a gateway's that doesn't say how long. Source: as above."""

MAX_SUBMIT_FAILURES: Final = 3
"""Calls that may come to ESME_RSUBMITFAIL before the message is given up."""

MAX_PARAMETERS: Final = 64
MAX_SYSTEM_ID_CHARS: Final = 15
MAX_PASSWORD_CHARS: Final = 8
MAX_SYSTEM_TYPE_CHARS: Final = 12
"""C-octet strings with their end: 16, 9 and 13 octets. Source: SMPP 3.4, section 4.1."""

MAX_WINDOW: Final = 1000
MAX_SENDER_LETTERS: Final = 11
"""Of an alphanumeric sender. Source: 3GPP TS 23.040, section 9.1.2.5."""

_LARGEST_PORT: Final = 65535
_VENDOR_STATUSES: Final = range(0x400, 0x500)
_is_number: Final = re.compile(r"\+[1-9][0-9]{6,14}").fullmatch
_is_sender: Final = re.compile(
    rf"\+?[0-9]{{1,15}}|(?=[ -~]*[A-Za-z])[ -~]{{1,{MAX_SENDER_LETTERS}}}"
).fullmatch
_is_path: Final = re.compile(r"/?(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})*").fullmatch
_is_name: Final = re.compile(r"[ -~]{1,256}").fullmatch
_is_encoded: Final = re.compile(r"(?:[A-Za-z0-9._~!$'()*+,;:@/?{}-]|%[0-9A-Fa-f]{2})*").fullmatch
_is_word: Final = re.compile(r"[!-~]*").fullmatch


def is_number(text: str) -> bool:
    """Say whether a text is a number that is the same from everywhere. Source: ITU-T E.164."""
    return _is_number(text) is not None


def is_sender(text: str) -> bool:
    """Say whether a message may come from this: digits, or up to 11 letters."""
    return _is_sender(text) is not None


def check_number(token: str, attributes: Mapping[str, Any]) -> Sequence[Problem]:
    """Name what is wrong with a registration's number."""
    del attributes
    if is_number(token):
        return ()
    expected = "a number as E.164 has it: +, the country's code, 7 to 15 digits in all"
    return (Problem(("token",), ProblemKind.MALFORMED, expected),)


def gateway_url(gateway: SmsGateway) -> str:
    """Say where a gateway is, without the query."""
    host = f"[{gateway.host}]" if ":" in gateway.host else gateway.host
    scheme = "https" if is_secure(gateway) else "http"
    return f"{scheme}://{host}:{gateway.port}/{gateway.program_name.lstrip('/')}"


def is_secure(gateway: SmsGateway) -> bool:
    """Say whether a gateway speaks TLS: it says so, or its port does."""
    said = setting_of(gateway, Setting.HTTPS)
    return gateway.port == 443 if said is None else said.strip().lower() == "true"  # noqa: PLR2004 - HTTPS' own


def setting_of(gateway: SmsGateway, name: Setting) -> str | None:
    """Answer what a gateway's parameters say of how to speak to it."""
    return next((each.value for each in gateway.parameters if each.name == name), None)


class SecretCheck:
    """Says whether a gateway or an SMPP account could be used."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard

    def __call__(self, secret: Secret, environment: Environment, *, now: datetime) -> None:
        """Let a credential pass; raises InvalidRequest naming every problem."""
        del now
        if not isinstance(secret, SmsGateway | SmppAccount):
            expected = "an SMS gateway or an SMPP account"
            raise InvalidRequest([Problem(("provider",), ProblemKind.NOT_ALLOWED, expected)])
        if environment is not Environment.PRODUCTION:
            expected = "production: SMS has no other"
            raise InvalidRequest([Problem(("environment",), ProblemKind.NOT_ALLOWED, expected)])
        problems = [*_place_problems(secret.host, secret.port, self._guard)]
        if isinstance(secret, SmsGateway):
            problems += _gateway_problems(secret)
        else:
            problems += _account_problems(secret)
        if problems:
            raise InvalidRequest(problems)


def _place_problems(host: str, port: int, guard: Guard) -> Iterator[Problem]:
    if not 0 < port <= _LARGEST_PORT:
        yield Problem(("port",), ProblemKind.NOT_ALLOWED, f"1 to {_LARGEST_PORT}")
        return
    shown = f"[{host}]" if ":" in host else host
    # Each of its own ports fits one of the two schemes, and the host fits both or neither.
    scheme = "http" if port == 80 else "https"  # noqa: PLR2004 - HTTP's own
    try:
        checked = guard.check_url(f"{scheme}://{shown}:{port}/", PLAIN_OR_TLS)
    except UrlRefused as error:
        yield Problem(("host",), ProblemKind.NOT_ALLOWED, error.expected.replace("URL", "place"))
        return
    # A host that brings a path of its own would move what is put behind it.
    if checked.target != "/" or checked.port != port:
        yield Problem(("host",), ProblemKind.MALFORMED, "a host name or an address")


def _gateway_problems(gateway: SmsGateway) -> Iterator[Problem]:
    if not _is_path(gateway.program_name):
        yield Problem(("program_name",), ProblemKind.MALFORMED, "a path, without a query")
    if len(gateway.parameters) > MAX_PARAMETERS:
        expected = f"at most {MAX_PARAMETERS} parameters"
        yield Problem(("parameters",), ProblemKind.TOO_MANY, expected)
    for place, parameter in enumerate(gateway.parameters):
        for field, expected in _parameter_problems(parameter):
            yield Problem(("parameters", place, field), ProblemKind.MALFORMED, expected)


def _parameter_problems(parameter: GatewayParameter) -> Iterator[tuple[str, str]]:
    if not _is_name(parameter.name):
        yield "name", "1 to 256 printable ASCII characters"
    if not parameter.encode and not _is_encoded(parameter.value):
        yield "value", "percent-encoded already, or its encode true"
    if parameter.name == Setting.METHOD and parameter.value.upper() not in ("GET", "POST"):
        yield "value", "GET or POST"


def _account_problems(account: SmppAccount) -> Iterator[Problem]:
    words: Sequence[tuple[str, str, int, int]] = (
        ("system_id", account.system_id, 1, MAX_SYSTEM_ID_CHARS),
        ("password", account.password, 0, MAX_PASSWORD_CHARS),
        ("system_type", account.system_type, 0, MAX_SYSTEM_TYPE_CHARS),
    )
    for field, value, least, most in words:
        if not least <= len(value) <= most or not _is_word(value):
            expected = f"{least} to {most} visible ASCII characters"
            yield Problem((field,), ProblemKind.MALFORMED, expected)
    if account.sender and not is_sender(account.sender):
        expected = f"a number, or up to {MAX_SENDER_LETTERS} letters"
        yield Problem(("sender",), ProblemKind.MALFORMED, expected)
    if not 1 <= account.window <= MAX_WINDOW:
        yield Problem(("window",), ProblemKind.NOT_ALLOWED, f"1 to {MAX_WINDOW}")
    for place, (status, meaning) in enumerate(account.vendor_statuses):
        if status not in _VENDOR_STATUSES or meaning not in MEANINGS:
            expected = f"a status from 0x400 to 0x4FF, and one of {', '.join(MEANINGS)}"
            yield Problem(("vendor_statuses", place), ProblemKind.NOT_ALLOWED, expected)
