"""Audience, content and options of a notification as JSON text, and back."""

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
    Everyone,
    Registrations,
    Tags,
    Users,
)
from heliograph.core.model.notification import Content, Options, Priority, Record
from heliograph.core.model.registration import ProviderName, TokenKind

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any


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
        case Registrations(ids):
            value = {"registrations": [raw.hex() for raw in ids]}
        case Addresses(addresses):
            value = {"addresses": [[a.provider.value, a.token, a.form.value] for a in addresses]}
        case _:
            assert_never(audience)
    return _dump(value)


def to_audience(text: str) -> Audience:
    """Read what `audience_text` spelled."""
    value = json.loads(text)
    [(kind, inner)] = value.items()
    match kind:
        case "users":
            return Users(tuple(inner))
        case "tags":
            return Tags(tuple(inner))
        case "registrations":
            return Registrations(tuple(Id(bytes.fromhex(raw)) for raw in inner))
        case "addresses":
            return Addresses(
                tuple(
                    Address(ProviderName(provider), token, AddressForm(form))
                    for provider, token, form in inner
                )
            )
        case _:
            return Everyone()


def content_text(content: Content) -> str:
    """Spell content, leaving out what is absent."""
    value = {
        "title": content.title,
        "body": content.body,
        "data": dict(content.data) or None,
        "sound": content.sound,
        "badge": content.badge,
        "overrides": dict(content.overrides) or None,
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
    return _dump(value)


def to_options(text: str) -> Options:
    """Read what `options_text` spelled."""
    value = json.loads(text)
    send_at = value.get("send_at")
    read = {
        "priority": Priority(value["priority"]),
        "kind": TokenKind(value.get("kind", TokenKind.ALERT)),
        "send_at": None if send_at is None else from_ms(send_at),
        "record": Record(value.get("record", Record.ALL)),
    }
    return Options(**value | read)


def _dump(value: Mapping[str, Any]) -> str:
    return json.dumps(value, separators=(",", ":"))
