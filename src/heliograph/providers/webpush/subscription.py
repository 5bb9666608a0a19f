"""Browsers' subscriptions, checked when they are registered.

Source: docs/providers/webpush.md, "Subscriptions".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from heliograph.core.errors import Problem, ProblemKind
from heliograph.core.model.registration import Attribute
from heliograph.outbound.guard import UrlRefused
from heliograph.providers.webpush.encryption import is_on_curve, read_auth, read_point

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from heliograph.core.model.audience import Address
    from heliograph.outbound.guard import Guard, UrlRule


def check_target(address: Address) -> str | None:
    """Complete "must be …" for a bare endpoint: nobody could encrypt for it."""
    del address
    return "a registration's: messages are encrypted for the keys of its subscription"


class SubscriptionCheck:
    """Says whether a message could be encrypted for a browser, and brought to its push service."""

    def __init__(self, guard: Guard, rule: UrlRule) -> None:
        self._guard = guard
        self._rule = rule

    def __call__(self, token: str, attributes: Mapping[str, Any]) -> Sequence[Problem]:
        """Name every problem of an endpoint and its keys."""
        return [*self._endpoint_problems(token), *_key_problems(attributes)]

    def _endpoint_problems(self, endpoint: str) -> Iterator[Problem]:
        try:
            self._guard.check_url(endpoint, self._rule)
        except UrlRefused as error:
            yield Problem(("token",), ProblemKind.NOT_ALLOWED, error.expected)


def _key_problems(attributes: Mapping[str, Any]) -> Iterator[Problem]:
    point = read_point(str(attributes.get(Attribute.P256DH)))
    if point is None or not is_on_curve(point):
        expected = "an uncompressed point of P-256, 65 bytes in base64url"
        path = ("attributes", Attribute.P256DH.value)
        yield Problem(path, ProblemKind.MALFORMED, expected)
    if read_auth(str(attributes.get(Attribute.AUTH))) is None:
        path = ("attributes", Attribute.AUTH.value)
        yield Problem(path, ProblemKind.MALFORMED, "16 bytes in base64url")
