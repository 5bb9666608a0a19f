"""Push tokens -> registrations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heliograph.core import access
from heliograph.core.errors import InvalidRequest, Problem, ProblemKind
from heliograph.core.model.registration import Attribute, Claim, Draft, ProviderName, Slot
from heliograph.core.registrations.tokens import has_control_characters

if TYPE_CHECKING:
    from datetime import datetime

    from heliograph.core.model.identity import SessionPrincipal
    from heliograph.core.model.registration import Owner
    from heliograph.dialects.layer.schemas.push_tokens import PushToken

ORIGIN = "layer"

MEMBER_LIMIT = 25
"""Tokens per user; one more, and the least recently registered leaves.

Source: docs/dialects/layer.md, "Register".
"""

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
