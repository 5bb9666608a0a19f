"""Layer's words to the core's, and the media type that Layer's clients ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heliograph.core import access
from heliograph.core.errors import InvalidRequest, Problem, ProblemKind
from heliograph.core.model.registration import Attribute, Claim, Draft, ProviderName, Slot
from heliograph.core.tokens import has_control_characters

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from heliograph.core.model.identity import SessionPrincipal
    from heliograph.core.model.registration import Owner
    from heliograph.dialects.layer.schemas import PushToken

ORIGIN = "layer"

MEMBER_LIMIT = 25
"""Tokens per user; one more, and the least recently registered leaves.

Source: docs/dialects/layer.md, "Register".
"""

VERSIONS = frozenset({"1.0", "1.1", "2.0", "3.0"})
"""Every version that a published client or page asks for. The push calls are the same in all."""

_MEDIA_TYPE = "application/vnd.layer+json"
_MEDIA_FAMILY = "application/vnd.layer"

_PROVIDERS = {"apns": ProviderName.APNS, "gcm": ProviderName.FCM}
"""Google's service has changed its name since; its tokens have not."""


def to_draft(body: PushToken, principal: SessionPrincipal, *, now: datetime) -> Draft:
    """Turn a push token into a registration of the caller's."""
    attributes = {
        Attribute.BUNDLE_ID: body.apns_bundle_id,
        Attribute.SENDER_ID: body.gcm_sender_id,
        Attribute.OS_VERSION: body.ios_version,
    }
    return Draft(
        application_id=principal.session.application_id,
        slot=to_slot(body.device_id),
        provider=_PROVIDERS[body.type],
        token=body.token,
        arrived_at=now,
        origin=ORIGIN,
        # A phone that changes hands must not show its former owner's pushes.
        claim=Claim.EXCLUSIVE,
        owner=to_owner(principal),
        session_id=principal.session.id,
        device_id=body.device_id,
        attributes={name: value for name, value in attributes.items() if value is not None},
        member_limit=MEMBER_LIMIT,
    )


def to_slot(device_id: str) -> Slot:
    """Name the place of one of a user's devices.

    Raises InvalidRequest for an id that no device can have been registered with.
    """
    if has_control_characters(device_id):
        expected = "free of control characters and lone surrogates"
        raise InvalidRequest([Problem(("device_id",), ProblemKind.MALFORMED, expected)])
    return Slot(by_user=True, device_id=device_id)


def to_owner(principal: SessionPrincipal) -> Owner:
    """Name the caller as the one whose devices are meant."""
    return access.member_of(principal)


def asks_for_known_version(accept: Sequence[str]) -> bool:
    """Say whether Accept names Layer's media type in a version that is spoken.

    Of several media ranges the first of Layer's counts; `*/*` is not enough.
    Source: docs/dialects/layer.md, "Requests".
    """
    for media_type, parameters in _media_ranges(accept):
        if media_type == _MEDIA_TYPE:
            return parameters.get("version") in VERSIONS
    return False


def asks_for_layer(accept: Sequence[str]) -> bool:
    """Say whether Accept names any type of Layer's, in whatever version."""
    return any(name.startswith(_MEDIA_FAMILY) for name, _ in _media_ranges(accept))


def _media_ranges(accept: Sequence[str]) -> Iterator[tuple[str, dict[str, str]]]:
    """Split Accept, given as its header lines, into types and their parameters."""
    for media_range in ",".join(accept).lower().split(","):
        media_type, *parameters = media_range.split(";")
        pairs = (parameter.partition("=") for parameter in parameters)
        yield media_type.strip(), {name.strip(): _unquoted(value) for name, _, value in pairs}


def _unquoted(value: str) -> str:
    return value.strip().strip("\"'")
