"""Navixy's three ways of writing parameters, and their words, to the core's."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from heliograph.core import access
from heliograph.core.errors import InvalidRequest, NotFound, Problem, ProblemKind
from heliograph.core.ids import spell
from heliograph.core.model.registration import Attribute, Claim, Draft, ProviderName, Slot
from heliograph.dialects.navixy import schemas
from heliograph.web.bodies import parse_json
from heliograph.web.errors import UnsupportedMediaType
from heliograph.web.forms import fields_of
from heliograph.web.media_types import FORM, may_be_json

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from heliograph.core.identity.sessions import ShownSession
    from heliograph.core.ids import Id
    from heliograph.core.model.application import Application
    from heliograph.core.model.identity import Login, Session, SessionPrincipal
    from heliograph.core.model.registration import Owner, Registration
    from heliograph.dialects.navixy.schemas import PushToken

ORIGIN = "navixy"

PROVIDERS = {
    "navixy_iphone_viewer": ProviderName.APNS,
    "navixy_android_viewer": ProviderName.FCM,
    "w3c_pushapi": ProviderName.WEBPUSH,
}

_VENDORS_WORDS = {provider: word for word, provider in PROVIDERS.items()}

SECTION = "navixy"
APPLICATIONS = "applications"
"""Where an application keeps the ids of partners' apps."""

PARTNERS_WORD = "navixy_application"
"""The attribute that keeps a partner's word for its app."""

NUMBER = "int32"
"""The kind of alias that stands for a user; unique within an account."""

_MAX_INT32 = 2**31 - 1

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


class Partner(NamedTuple):
    """A partner's own app: what it calls itself, and its bundle id."""

    word: str
    bundle_id: str | None


def with_known_application(
    parameters: Mapping[str, Any], application: Application
) -> tuple[dict[str, Any], Partner | None]:
    """Read a partner's word for its app as the vendor's word for the same provider.

    Source: docs/dialects/navixy.md, "Applications of partners".
    """
    kept: Any = application.settings.get(SECTION, {})
    word = parameters.get("application")
    # What is no text is nobody's word, and may be nothing that can be looked for.
    is_partners = isinstance(word, str) and word not in PROVIDERS
    meant = kept.get(APPLICATIONS, {}).get(word) if is_partners else None
    if meant is None:
        return {**parameters}, None
    known = _VENDORS_WORDS[ProviderName(meant["provider"])]
    return {**parameters, "application": known}, Partner(str(word), meant.get("bundle_id"))


def to_draft(
    body: PushToken, partner: Partner | None, principal: SessionPrincipal, *, now: datetime
) -> Draft:
    """Turn a push token into the one registration of the caller's session."""
    session = principal.session
    attributes: dict[str, Any] = {Attribute.CATEGORY_FILTER: to_filter(body.category_filter)}
    if body.parameters is not None:
        attributes[Attribute.P256DH] = body.parameters.p256dh
        attributes[Attribute.AUTH] = body.parameters.auth
    if partner is not None:
        attributes[PARTNERS_WORD] = partner.word
        if partner.bundle_id is not None:
            attributes[Attribute.BUNDLE_ID] = partner.bundle_id
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
        silent_after=session.silent_after,
        silent_with_session=True,
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


def number_maker(user_id: Id) -> Callable[[int], str]:
    """Say how to number a user: the maker is told how many of its proposals were taken."""
    first = int.from_bytes(hashlib.sha256(user_id).digest()[:4], "big")

    def make(attempt: int) -> str:
        return str((first + attempt) % _MAX_INT32 + 1)

    return make


def from_user(number: int, session: Session, login: Login | None) -> schemas.UserAnswer:
    """Show who calls; who signs in without a login goes by the customer's own id."""
    name = session.external_user_id or str(number)
    known = name if login is None else login.name
    return schemas.UserAnswer(user_info=schemas.UserInfo(id=number, login=known, title=name))


def from_guest(found: ShownSession | None, principal: SessionPrincipal) -> schemas.GuestAnswer:
    """Show a delivery session; raises NotFound where there is none."""
    if found is None:
        raise NotFound("delivery session", spell("session", principal.session.id))
    return schemas.GuestAnswer(value=found[1])


def wants_iso(parameters: Mapping[str, Any], headers: Mapping[str, str]) -> bool:
    """Say whether a caller wants times in ISO 8601."""
    wanted = parameters.get("iso_datetime", headers.get("nvx-iso-datetime"))
    return wanted is True or str(wanted).lower() == "true"


def from_key(shown: ShownSession, *, is_iso: bool) -> schemas.KeyAnswer:
    """Show an API key."""
    return schemas.KeyAnswer(value=_from_key(shown, is_iso=is_iso))


def from_keys(shown: Sequence[ShownSession], *, is_iso: bool) -> schemas.KeyList:
    """Show API keys."""
    return schemas.KeyList(list=tuple(_from_key(each, is_iso=is_iso) for each in shown))


def _from_key(shown: ShownSession, *, is_iso: bool) -> schemas.Key:
    session, key = shown
    form = "%Y-%m-%dT%H:%M:%SZ" if is_iso else "%Y-%m-%d %H:%M:%S"
    made = session.created.strftime(form)
    return schemas.Key(hash=key, create_date=made, title=session.label or "")
