"""Web Push's documented limits, the push services, and what a VAPID credential must look like.

Source: docs/providers/webpush.md.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from heliograph.core.errors import InvalidRequest, Problem, ProblemKind
from heliograph.core.model.application import VapidKey, WebPushCredential
from heliograph.core.model.registration import Environment
from heliograph.outbound.guard import UrlRule
from heliograph.providers.webpush.base64url import decoded, encoded

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from heliograph.config import WebPush
    from heliograph.core.model.application import Secret

LONGEST_TTL_S: Final = 2_419_200
"""Four weeks, the longest of any push service. Source: Google, FCM, "Web push TTL"."""

SHORTEST_TTL_S: Final = 1
"""Apple refuses 0. Source: Apple, "Sending web push notifications", `BadTtl`."""

TOPIC_LIMIT_CHARS: Final = 32
"""Source: RFC 8030, section 5.4."""

JWT_LIFETIME: Final = timedelta(hours=12)
"""At most 24 hours. Source: RFC 8292, section 2."""

JWT_RENEWAL_AGE: Final = timedelta(hours=11)
"""When a token is replaced, an hour before its end."""

SHORTEST_REFRESH: Final = timedelta(minutes=1)
"""A token younger than this is not replaced: its messages were refused together."""

SHORTEST_REFRESH_AT_APPLE: Final = timedelta(hours=1)
"""Source: Apple, "Sending web push notifications in web apps and browsers"."""

THROTTLED_PAUSE: Final = timedelta(minutes=15)
"""After WNS's 406 that doesn't say how long."""

WNS_HOSTS: Final = (".notify.windows.com", ".wns.windows.com")
"""Where a message also has to say whether it may be kept."""

SCALAR_BYTES: Final = 32

_CURVE: Final = ec.SECP256R1()
_is_mail: Final = re.compile(r"mailto:[!-?A-~]+@(?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,}").fullmatch
_is_site: Final = re.compile(
    r"https://(?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,}(?::[0-9]+)?(?:/[!-~]*)?"
).fullmatch


def endpoint_rule(settings: WebPush) -> UrlRule:
    """Say what a subscription's endpoint may be: https at its own port, at a known host."""
    return UrlRule(hosts=settings.hosts)


def is_apple(origin: str) -> bool:
    """Say whether a push service, by its origin, is Apple's."""
    return origin.endswith(".push.apple.com")


def is_wns(host: str) -> bool:
    """Say whether a push service is Microsoft's."""
    return host.endswith(WNS_HOSTS)


def new_key() -> VapidKey:
    """Draw a key pair."""
    return key_of(ec.generate_private_key(_CURVE))


def key_from_scalar(text: str) -> VapidKey:
    """Read a private key as other senders print it; raises InvalidRequest.

    text: 32 bytes in base64url, or in base64.
    """
    scalar = decoded(text.strip())
    key = None if scalar is None else _private(scalar)
    if key is None:
        expected = f"a P-256 private key: {SCALAR_BYTES} bytes in base64url"
        raise InvalidRequest([Problem(("private_key",), ProblemKind.MALFORMED, expected)])
    return key_of(key)


def key_of(key: ec.EllipticCurvePrivateKey) -> VapidKey:
    """Spell a key pair as browsers and other senders do."""
    public = key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    scalar = key.private_numbers().private_value.to_bytes(SCALAR_BYTES, "big")
    return VapidKey(encoded(public), encoded(scalar))


def private_key_of(key: VapidKey) -> ec.EllipticCurvePrivateKey:
    """Read the private half; raises ValueError for what is none."""
    scalar = decoded(key.private)
    read = None if scalar is None else _private(scalar)
    if read is None:
        raise ValueError("not a P-256 private key")
    return read


def check_secret(secret: Secret, environment: Environment, *, now: datetime) -> None:
    """Refuse a credential that no push service would take; raises InvalidRequest."""
    del now
    if not isinstance(secret, WebPushCredential):
        expected = "a Web Push credential"
        raise InvalidRequest([Problem(("provider",), ProblemKind.NOT_ALLOWED, expected)])
    problems = [*_problems(secret, environment)]
    if problems:
        raise InvalidRequest(problems)


def _problems(secret: WebPushCredential, environment: Environment) -> Iterator[Problem]:
    if environment is not Environment.PRODUCTION:
        expected = "production: Web Push has no other"
        yield Problem(("environment",), ProblemKind.NOT_ALLOWED, expected)
    if not _is_contact(secret.contact):
        expected = "mailto: with an e-mail address, or an https: URL, of a public domain"
        yield Problem(("contact",), ProblemKind.MALFORMED, expected)
    if not secret.keys:
        yield Problem(("keys",), ProblemKind.TOO_SHORT, "at least one")
    for place, key in enumerate(secret.keys):
        try:
            is_pair = key_of(private_key_of(key)) == key
        except ValueError:
            is_pair = False
        if not is_pair:
            yield Problem(("keys", place), ProblemKind.MALFORMED, "a P-256 key pair")


def _is_contact(contact: str) -> bool:
    # Apple was seen to refuse every token whose contact is at localhost.
    if _is_mail(contact):
        return not contact.lower().endswith("localhost.localdomain")
    try:
        return bool(_is_site(contact) and urlsplit(contact).hostname)
    except ValueError:
        return False


def _private(scalar: bytes) -> ec.EllipticCurvePrivateKey | None:
    if len(scalar) != SCALAR_BYTES:
        return None
    try:
        return ec.derive_private_key(int.from_bytes(scalar, "big"), _CURVE)
    except ValueError:
        return None
