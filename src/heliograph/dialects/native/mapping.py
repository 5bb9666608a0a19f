"""The native API's words <-> the core's."""

from __future__ import annotations

import base64
import binascii
import struct
from datetime import timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, assert_never

from heliograph.core import access
from heliograph.core.errors import InvalidRequest, Problem, ProblemKind
from heliograph.core.ids import Id, parse, spell
from heliograph.core.model.audience import (
    Address,
    Addresses,
    Audience,
    Everyone,
    Registrations,
    Tags,
    Users,
)
from heliograph.core.model.delivery import Cursor, Delivery
from heliograph.core.model.identity import SessionPrincipal
from heliograph.core.model.listing import RegistrationFilter
from heliograph.core.model.notification import Content, Counters, Notification, Options
from heliograph.core.model.registration import Changes, Draft, Registration, Slot, UserKey
from heliograph.dialects.native import schemas

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from heliograph.core.model.application import Application
    from heliograph.core.model.identity import Principal, Session
    from heliograph.core.model.registration import Owner
    from heliograph.core.notifications import DeliveryPage, NotificationReport
    from heliograph.core.registrations import RegistrationPage

ORIGIN = "native"

_DELIVERY_CURSOR = struct.Struct(">BI16s")
_ID_BYTES = 16


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
    return Draft(
        application_id=application.id,
        slot=Slot(by_user=not has_device, device_id=body.device_id, by_token=not has_device),
        provider=body.provider,
        token=body.token,
        arrived_at=arrived_at,
        origin=ORIGIN,
        claim=body.claim,
        if_exists=body.if_exists,
        kind=body.kind,
        owner=_owner_of(principal, body.user_id),
        session_id=principal.session.id if isinstance(principal, SessionPrincipal) else None,
        device_id=body.device_id,
        environment=body.environment,
        attributes=_to_attributes(body.attributes),
    )


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


def to_ttl(body: schemas.SessionBody) -> timedelta | None:
    """Translate a session's life."""
    return None if body.ttl_s is None else timedelta(seconds=body.ttl_s)


def to_audience(body: schemas.AudienceBody) -> Audience:
    """Translate an audience; the schema saw to it that there is exactly one."""
    if body.users is not None:
        return Users(body.users)
    if body.registrations is not None:
        return Registrations(tuple(parse("registration", text) for text in body.registrations))
    if body.tags is not None:
        return Tags(body.tags)
    if body.addresses is not None:
        return Addresses(tuple(Address(item.provider, item.token) for item in body.addresses))
    return Everyone()


def to_content(body: schemas.ContentBody) -> Content:
    """Translate what is shown."""
    return Content(body.title, body.body, MappingProxyType(body.data), body.sound, body.badge)


def to_options(body: schemas.OptionsBody) -> Options:
    """Translate how it travels."""
    return Options(body.ttl_s, body.priority, body.collapse_key, body.category)


def to_id_cursor(text: str | None) -> Id | None:
    """Read the cursor of a list in the order of ids; raises InvalidRequest."""
    return None if text is None else Id(_read_cursor(text, _ID_BYTES))


def to_delivery_cursor(text: str | None) -> Cursor | None:
    """Read the cursor of a list of deliveries; raises InvalidRequest."""
    if text is None:
        return None
    return Cursor(*_DELIVERY_CURSOR.unpack(_read_cursor(text, _DELIVERY_CURSOR.size)))


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


def status_of(registration: Registration) -> int:
    """Say whether a registration was made (201), or one that was there was refreshed (200)."""
    return 201 if registration.created == registration.refreshed else 200


def from_registrations(page: RegistrationPage) -> schemas.RegistrationList:
    """Show a part of the registrations."""
    return schemas.RegistrationList(
        items=tuple(from_registration(item) for item in page.items),
        next=None if page.next_after is None else _write_cursor(page.next_after),
    )


def from_tags(labels: Sequence[str]) -> schemas.TagList:
    """Show a registration's tags."""
    return schemas.TagList(items=tuple(labels))


def from_session(session: Session, token: str) -> schemas.MintedSession:
    """Show a new session."""
    return schemas.MintedSession(token=token, expires_at=session.expires_at)


def from_notification(notification: Notification) -> schemas.Notification:
    """Show a notification."""
    return schemas.Notification(**_fields_of(notification))


def from_report(report: NotificationReport) -> schemas.NotificationReport:
    """Show a notification with its counters."""
    return schemas.NotificationReport(
        **_fields_of(report.notification), counters=_from_counters(report.counters)
    )


def from_notifications(
    notifications: Sequence[Notification], next_before: Id | None
) -> schemas.NotificationList:
    """Show a part of the notifications."""
    return schemas.NotificationList(
        items=tuple(from_notification(item) for item in notifications),
        next=None if next_before is None else _write_cursor(next_before),
    )


def from_deliveries(page: DeliveryPage) -> schemas.DeliveryList:
    """Show a part of the deliveries."""
    after = page.next_after
    return schemas.DeliveryList(
        items=tuple(_from_delivery(item) for item in page.items),
        next=None if after is None else _write_cursor(_DELIVERY_CURSOR.pack(*after)),
    )


def _owner_of(principal: Principal, user_id: str | None) -> Owner | None:
    """Say whose phone it is: a session's own user, whom it need not name."""
    if isinstance(principal, SessionPrincipal) and user_id in (
        None,
        principal.session.external_user_id,
    ):
        return access.member_of(principal)
    return None if user_id is None else UserKey(principal.account_id, user_id)


def _to_attributes(body: schemas.Attributes) -> MappingProxyType[str, Any]:
    named = {"categories": list(body.categories)} if body.categories else {}
    return MappingProxyType({**(body.model_extra or {}), **named})


def _from_delivery(delivery: Delivery) -> schemas.Delivery:
    is_registered = delivery.is_registered
    return schemas.Delivery(
        registration_id=spell("registration", delivery.target_id) if is_registered else None,
        recipient=None if is_registered else delivery.recipient,
        provider=delivery.provider,
        state=delivery.state,
        reason=delivery.reason,
        provider_message_id=delivery.message_id,
        attempts=delivery.attempts,
        at=delivery.at,
    )


def _from_counters(counters: Counters) -> schemas.Counters:
    return schemas.Counters(
        targets=counters.targets,
        accepted=counters.accepted,
        deferred=counters.deferred,
        rejected=counters.rejected,
        gone=counters.gone,
        expired=counters.expired,
        canceled=counters.canceled,
    )


def _fields_of(notification: Notification) -> dict[str, Any]:
    return {
        "id": spell("notification", notification.id),
        "state": notification.state,
        "audience": _form_of(notification.audience),
        "created": notification.created,
        "started_at": notification.started_at,
        "completed_at": notification.completed_at,
    }


def _form_of(audience: Audience) -> str:
    match audience:
        case Users():
            return "users"
        case Registrations():
            return "registrations"
        case Tags():
            return "tags"
        case Addresses():
            return "addresses"
        case Everyone():
            return "everyone"
        case _:
            assert_never(audience)


def _write_cursor(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _read_cursor(text: str, size: int) -> bytes:
    padded = text + "=" * (-len(text) % 4)
    try:
        raw = base64.b64decode(padded, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if len(raw) != size:
        expected = "the `next` of an earlier answer"
        raise InvalidRequest([Problem(("cursor",), ProblemKind.MALFORMED, expected)])
    return raw
