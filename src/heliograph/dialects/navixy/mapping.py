"""Navixy's three ways of writing parameters, and their words, to the core's."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from heliograph.core import access
from heliograph.core.errors import InvalidRequest, NotFound, Problem, ProblemKind
from heliograph.core.ids import spell
from heliograph.core.model.registration import Attribute, Claim, Draft, ProviderName, Slot
from heliograph.web.bodies import parse_json
from heliograph.web.errors import UnsupportedMediaType
from heliograph.web.forms import fields_of
from heliograph.web.media_types import FORM, may_be_json

if TYPE_CHECKING:
    from datetime import datetime

    from heliograph.core.model.identity import SessionPrincipal
    from heliograph.core.model.registration import Owner, Registration
    from heliograph.dialects.navixy.schemas import PushToken

ORIGIN = "navixy"

PROVIDERS = {
    "navixy_iphone_viewer": ProviderName.APNS,
    "navixy_android_viewer": ProviderName.FCM,
    "w3c_pushapi": ProviderName.WEBPUSH,
}

_BLANKS = b" \t\r\n"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_MAY_BE_EITHER = frozenset({"", FORM, "text/plain"})
"""Announced types that clients add unasked, so that JSON may stand under them as well."""

_DASHES = re.compile("^\\s*[\u2012-\u2015\u2212]")


def from_query(raw: bytes) -> dict[str, Any]:
    """Read parameters from a query string or a form; of a repeated one the last counts.

    Raises InvalidRequest for what is not UTF-8.
    """
    values, problems = fields_of(raw, may_repeat=True)
    if problems:
        raise InvalidRequest(problems)
    return {**values}


def from_body(raw: bytes, content_type: str) -> dict[str, Any]:
    """Read parameters from a body: JSON or a form, by what it announces or else begins with.

    A null is a parameter that is not there. Raises InvalidRequest, and
    UnsupportedMediaType for a body of another type.
    Source: docs/dialects/navixy.md, "Requests".
    """
    content = raw.removeprefix(_BYTE_ORDER_MARK).strip(_BLANKS)
    if not content:
        return {}
    media_type = re.split(r"[;,\s]", content_type.strip(), maxsplit=1)[0].lower()
    is_either = media_type in _MAY_BE_EITHER
    if is_either and not content.startswith(b"{"):
        return from_query(raw)
    if not is_either and not may_be_json(media_type):
        raise UnsupportedMediaType("Content-Type")
    value = parse_json(raw)
    if not isinstance(value, dict):
        raise InvalidRequest([Problem((), ProblemKind.WRONG_TYPE, "an object")])
    return {name: inner for name, inner in value.items() if inner is not None}


def to_draft(body: PushToken, principal: SessionPrincipal, *, now: datetime) -> Draft:
    """Turn a push token into the one registration of the caller's session."""
    session = principal.session
    attributes: dict[str, Any] = {Attribute.CATEGORY_FILTER: to_filter(body.category_filter)}
    if body.parameters is not None:
        attributes[Attribute.P256DH] = body.parameters.p256dh
        attributes[Attribute.AUTH] = body.parameters.auth
    return Draft(
        application_id=session.application_id,
        slot=to_slot(principal),
        provider=PROVIDERS[body.application],
        token=body.token,
        arrived_at=now,
        origin=ORIGIN,
        # One phone, one binding: a former session must not be told twice, nor a former user.
        claim=Claim.EXCLUSIVE,
        owner=to_owner(principal),
        session_id=session.id,
        attributes=attributes,
        silent_after=session.expires_at,
    )


def to_filter(text: str) -> str:
    """Write a category filter as the core reads it.

    The vendor's page shows the minus as a dash of its typography, which
    people paste as it stands.
    Source: docs/dialects/navixy.md, "Category filter".
    """
    return _DASHES.sub("-", text).strip()


def to_slot(principal: SessionPrincipal) -> Slot:
    """Name the place of the caller's session, which has one."""
    return Slot(session_id=principal.session.id)


def to_owner(principal: SessionPrincipal) -> Owner:
    """Name the caller as the one whose phone is meant."""
    return access.member_of(principal)


def require_bound(gone: Registration | None, principal: SessionPrincipal) -> None:
    """Let pass what was bound until now; raises NotFound."""
    if gone is None:
        raise NotFound("push token", spell("session", principal.session.id))
