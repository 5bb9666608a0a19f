"""Registrations <-> the core's."""

from __future__ import annotations

import json
from contextlib import contextmanager, nullcontext
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from heliograph.core import access
from heliograph.core.clock import from_ms
from heliograph.core.errors import InvalidRequest, Problem
from heliograph.core.ids import spell
from heliograph.core.model.identity import SessionPrincipal
from heliograph.core.model.listing import RegistrationFilter
from heliograph.core.model.registration import (
    NO_ATTRIBUTES,
    Attribute,
    Changes,
    Draft,
    Registration,
    Slot,
    UserKey,
)
from heliograph.dialects.native.mapping.cursors import write_cursor
from heliograph.dialects.native.schemas import registrations as schemas
from heliograph.web.responses import spell_schema

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from contextlib import AbstractContextManager
    from datetime import datetime

    from heliograph.core.errors import PathPart
    from heliograph.core.model.application import Application
    from heliograph.core.model.identity import Principal
    from heliograph.core.model.registration import Owner
    from heliograph.core.registrations.registrations import RegistrationPage

ORIGIN = "native"

_quoted = json.JSONEncoder(ensure_ascii=False).encode

_PLACES: Mapping[tuple[PathPart, ...], tuple[PathPart, ...]] = {
    ("token",): ("subscription", "endpoint"),
    ("attributes", "p256dh"): ("subscription", "keys", "p256dh"),
    ("attributes", "auth"): ("subscription", "keys", "auth"),
}
"""Where a subscription says what other registrations say elsewhere."""


def to_draft(
    body: schemas.RegistrationBody,
    principal: Principal,
    application: Application,
    *,
    arrived_at: datetime,
) -> Draft:
    """Translate a registration.

    Its slot is the device where one is named, otherwise the user and the
    token. Source: docs/dialects/native.md, "Registrations".
    """
    has_device = body.device_id is not None
    token, keys, silent_after = _of_a_browser(body.subscription)
    attributes = _to_attributes(body.attributes)
    return Draft(
        application_id=application.id,
        slot=Slot(by_user=not has_device, device_id=body.device_id, by_token=not has_device),
        provider=body.provider,
        token=token or body.token or "",
        arrived_at=arrived_at,
        origin=ORIGIN,
        claim=body.claim,
        if_exists=body.if_exists,
        kind=body.kind,
        owner=_owner_of(principal, body.user_id),
        session_id=principal.session.id if isinstance(principal, SessionPrincipal) else None,
        device_id=body.device_id,
        environment=body.environment,
        attributes=MappingProxyType({**attributes, **keys}) if keys else attributes,
        silent_after=silent_after,
    )


def naming_problems_of(body: schemas.RegistrationBody) -> AbstractContextManager[None]:
    """Let what is wrong with a subscription be named by the subscription's own fields."""
    return _AS_THEY_ARE if body.subscription is None else _naming_subscriptions_fields()


_AS_THEY_ARE = nullcontext()


@contextmanager
def _naming_subscriptions_fields() -> Iterator[None]:
    try:
        yield
    except InvalidRequest as error:
        raise type(error)(
            [
                Problem(_PLACES.get(each.path, each.path), each.kind, each.expected)
                for each in error.problems
            ]
        ) from error


def to_changes(body: schemas.RegistrationChanges) -> Changes:
    """Translate a PATCH."""
    return Changes(
        token=body.token,
        environment=body.environment,
        attributes=None if body.attributes is None else _to_attributes(body.attributes),
        state=body.state,
    )


def to_filter(query: schemas.RegistrationQuery) -> RegistrationFilter:
    """Translate a list's filters."""
    return RegistrationFilter(
        external_user_id=query.user_id, device_id=query.device_id, provider=query.provider
    )


def from_registration(registration: Registration) -> schemas.Registration:
    """Show a registration, whichever dialect made it."""
    return schemas.Registration(
        id=spell("registration", registration.id),
        user_id=registration.external_user_id,
        device_id=registration.device_id,
        provider=registration.provider,
        token=registration.token,
        environment=registration.environment,
        kind=registration.kind,
        attributes=dict(registration.attributes),
        created=registration.created,
        refreshed=registration.refreshed,
        state=registration.state,
        shared=registration.shared,
    )


def body_of(registration: Registration) -> bytes:
    """Spell what `from_registration` shows, letter by letter as its schema does.

    Every other registration's answer is this one: filling in the schema and
    having that write itself takes three times as long. One with attributes,
    which hold anything, goes that way. Measured: docs/performance.md, "Registration".
    """
    if registration.attributes:
        return spell_schema(from_registration(registration))
    # Ids and our own words need no marks of quotation inside.
    return (
        f'{{"id":"{spell("registration", registration.id)}"'
        f',"user_id":{_spell_text(registration.external_user_id)}'
        f',"device_id":{_spell_text(registration.device_id)}'
        f',"provider":"{registration.provider}"'
        f',"token":{_quoted(registration.token)}'
        f',"environment":{_spell_text(registration.environment)}'
        f',"kind":"{registration.kind}","attributes":{{}}'
        f',"created":"{_spell_time(registration.created)}"'
        f',"refreshed":"{_spell_time(registration.refreshed)}"'
        f',"state":"{registration.state}"'
        f',"shared":{"true" if registration.shared else "false"}}}'
    ).encode()


def _spell_text(text: str | None) -> str:
    return "null" if text is None else _quoted(text)


def _spell_time(at: datetime) -> str:
    return f"{at.isoformat().removesuffix('+00:00')}Z"


def status_of(registration: Registration) -> int:
    """Say whether a registration was made (201), or one that was there was refreshed (200)."""
    return 201 if registration.created == registration.refreshed else 200


def from_registrations(page: RegistrationPage) -> schemas.RegistrationList:
    """Show a part of the registrations."""
    return schemas.RegistrationList(
        items=tuple(from_registration(item) for item in page.items),
        next=None if page.next_after is None else write_cursor(page.next_after),
    )


def _owner_of(principal: Principal, user_id: str | None) -> Owner | None:
    """Say whose phone it is: a session's own user, whom it need not name."""
    if isinstance(principal, SessionPrincipal) and user_id in (
        None,
        principal.session.external_user_id,
    ):
        return access.member_of(principal)
    return None if user_id is None else UserKey(principal.account_id, user_id)


def _of_a_browser(
    subscription: schemas.PushSubscription | None,
) -> tuple[str | None, Mapping[str, str], datetime | None]:
    """Take a subscription apart: its token, its keys, and when it ends."""
    if subscription is None:
        return None, {}, None
    keys, ends = subscription.keys, subscription.expiration_time
    named = {Attribute.P256DH.value: keys.p256dh, Attribute.AUTH.value: keys.auth}
    return subscription.endpoint, named, None if ends is None else from_ms(int(ends))


def _to_attributes(body: schemas.Attributes) -> Mapping[str, Any]:
    extra = body.model_extra
    if not extra and not body.categories:
        return NO_ATTRIBUTES
    named = {"categories": list(body.categories)} if body.categories else {}
    return MappingProxyType({**(extra or {}), **named})
