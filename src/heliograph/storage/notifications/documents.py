"""Notifications from rows; their audience, content and options as JSON text, and back."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, assert_never

from heliograph.core.clock import from_ms, to_ms
from heliograph.core.ids import Id
from heliograph.core.model.audience import (
    Address,
    Addresses,
    AddressForm,
    Audience,
    Devices,
    Everyone,
    Narrowed,
    Recipients,
    Registrations,
    Tags,
    Users,
)
from heliograph.core.model.notification import (
    Content,
    Notification,
    NotificationState,
    Options,
    Priority,
    Record,
)
from heliograph.core.model.registration import ProviderName, TokenKind
from heliograph.storage.tables.rows import optional_time

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from sqlalchemy import Row


def to_notification(row: Row[Any]) -> Notification:
    """Read a notification from a row of its table."""
    return Notification(
        id=Id(row.id),
        application_id=Id(row.application_id),
        audience=to_audience(row.audience),
        content=to_content(row.content),
        options=to_options(row.options),
        state=NotificationState(row.state),
        created=from_ms(row.created_ms),
        started_at=optional_time(row.started_ms),
        completed_at=optional_time(row.completed_ms),
    )


_NAMED: Mapping[str, type[Users | Tags | Devices]] = {
    "users": Users,
    "tags": Tags,
    "devices": Devices,
}


def audience_text(audience: Audience) -> str:
    """Spell an audience."""
    value: dict[str, Any]
    match audience:
        case Everyone():
            value = {"everyone": True}
        case Users(user_ids):
            value = {"users": user_ids}
        case Tags(labels):
            value = {"tags": labels}
        case Devices(device_ids):
            value = {"devices": device_ids}
        case Registrations(ids):
            value = {"registrations": [raw.hex() for raw in ids]}
        case Addresses(addresses):
            value = {"addresses": [[a.provider.value, a.token, a.form.value] for a in addresses]}
        case Recipients(_, count):
            # They stand in a table of their own, with their variables.
            value = {"recipients": count}
        case _:
            assert_never(audience)
    if isinstance(audience, Narrowed) and audience.providers:
        value["providers"] = audience.providers
    return _dump(value)


def to_audience(text: str) -> Audience:
    """Read what `audience_text` spelled."""
    value = json.loads(text)
    providers = tuple(ProviderName(name) for name in value.pop("providers", ()))
    [(kind, inner)] = value.items()
    if kind in _NAMED:
        return _NAMED[kind](tuple(inner), providers)
    match kind:
        case "registrations":
            return Registrations(tuple(Id(bytes.fromhex(raw)) for raw in inner))
        case "recipients":
            return Recipients((), inner)
        case "addresses":
            return Addresses(
                tuple(
                    Address(ProviderName(provider), token, AddressForm(form))
                    for provider, token, form in inner
                )
            )
        case _:
            return Everyone(providers)


def content_text(content: Content) -> str:
    """Spell content, leaving out what is absent."""
    value = {
        "title": content.title,
        "body": content.body,
        "data": dict(content.data) or None,
        "sound": content.sound,
        "badge": content.badge,
        "overrides": dict(content.overrides) or None,
        "is_template": True if content.is_template else None,
    }
    return _dump({name: part for name, part in value.items() if part is not None})


def to_content(text: str) -> Content:
    """Read what `content_text` spelled."""
    value = json.loads(text)
    overrides = {ProviderName(name): part for name, part in value.pop("overrides", {}).items()}
    return Content(**value, overrides=overrides)


def options_text(options: Options) -> str:
    """Spell options."""
    value = asdict(options)
    if options.send_at is not None:
        value["send_at"] = to_ms(options.send_at)
    # Most have none, and a broadcast's options are read for every shard.
    value["credentials"] = [[name.value, raw.hex()] for name, raw in options.credentials]
    value["marks"] = marks_text(options.marks)
    for name in ("has_receipts", "ignores_quiet_hours"):
        if not value[name]:
            del value[name]
    return _dump({name: part for name, part in value.items() if part not in ([], "")})


def marks_text(marks: Iterable[tuple[str, str]]) -> str:
    """Spell marks so that each can be found among the others: `;key:value;`."""
    spelled = [f"{key}:{value};" for key, value in marks]
    return "".join([";", *spelled]) if spelled else ""


def _to_marks(text: str) -> tuple[tuple[str, str], ...]:
    pairs = (each.partition(":") for each in text.split(";") if each)
    return tuple((key, value) for key, _, value in pairs)


def to_options(text: str) -> Options:
    """Read what `options_text` spelled."""
    value = json.loads(text)
    send_at = value.get("send_at")
    read = {
        "priority": Priority(value["priority"]),
        "kind": TokenKind(value.get("kind", TokenKind.ALERT)),
        "send_at": None if send_at is None else from_ms(send_at),
        "record": Record(value.get("record", Record.ALL)),
        "credentials": tuple(
            (ProviderName(name), Id(bytes.fromhex(raw)))
            for name, raw in value.get("credentials", ())
        ),
        "marks": _to_marks(value.get("marks", "")),
    }
    return Options(**value | read)


def _dump(value: Mapping[str, Any]) -> str:
    return json.dumps(value, separators=(",", ":"))
