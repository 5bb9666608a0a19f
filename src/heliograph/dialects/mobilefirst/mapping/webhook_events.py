"""Events in the vendor's words.

Source: docs/dialects/mobilefirst.md, "Webhooks".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from heliograph.core.clock import to_ms
from heliograph.core.ids import letters_of, parse
from heliograph.core.model.registration import ProviderName
from heliograph.core.model.webhook import EventKind
from heliograph.core.webhooks.events import iso
from heliograph.dialects.mobilefirst.mapping.devices import letter_of
from heliograph.dialects.mobilefirst.mapping.paging import ANONYMOUS
from heliograph.dialects.mobilefirst.mapping.subscriptions import key_of
from heliograph.dialects.mobilefirst.mapping.tags import BROADCAST
from heliograph.dialects.mobilefirst.mapping.webhooks import TYPE_OF

if TYPE_CHECKING:
    from collections.abc import Mapping

    from heliograph.core.model.webhook import Event

_STATUSES: Mapping[EventKind, str] = {
    EventKind.DELIVERY_ACCEPTED: "SENT",
    EventKind.RECEIPT_DELIVERED: "SEEN",
    EventKind.RECEIPT_OPENED: "OPEN",
}
_ID_DIGITS = 12
"""Hexadecimal ones, of a registration's id: as many as a JavaScript number holds."""


def is_automatic(event: Event) -> bool:
    """Say whether an event is one of a new device's own subscription, which is not told."""
    if event.kind is not EventKind.SUBSCRIPTION_CREATED:
        return False
    made = event.body["registration"]["created"]
    return bool(event.body["tag"] == BROADCAST and made == iso(event.at))


def to_envelope(event: Event, application: str, message_id: str) -> dict[str, Any] | None:
    """Spell an event; None for one that the vendor doesn't have.

    application: its id at the vendor. message_id: of what an event of a message is about.
    """
    name = TYPE_OF.get(event.kind)
    if name is None or is_automatic(event):
        return None
    return {
        "type": name,
        "applicationId": application,
        "eventTimeStamp": to_ms(event.at),
        "entity": _entity(event, application, message_id),
    }


def _entity(event: Event, application: str, message_id: str) -> dict[str, Any]:
    match event.kind:
        case EventKind.REGISTRATION_CREATED | EventKind.REGISTRATION_DELETED:
            return _device(event, application)
        case EventKind.REGISTRATION_UPDATED:
            device = _device(event, application)
            return {name: device[name] for name in ("deviceId", "userId", "token", "platform")}
        case EventKind.SUBSCRIPTION_CREATED | EventKind.SUBSCRIPTION_DELETED:
            return _subscription(event, application)
        case _:
            return _message(event, application, message_id)


def _device(event: Event, application: str) -> dict[str, Any]:
    shown = event.body["registration"]
    return {
        # A number is asked for; any will do that stays the same.
        "id": _number(shown["id"]),
        "deviceId": shown.get("device_id") or shown["id"],
        "applicationId": application,
        "userId": shown.get("user_id") or ANONYMOUS,
        "token": event.private.get("token", ""),
        "platform": letter_of(ProviderName(shown["provider"])),
    }


def _subscription(event: Event, application: str) -> dict[str, Any]:
    device, tag = _device(event, application), event.body["tag"]
    entity = {
        "device": device,
        "tagName": tag,
        "subscriptionId": _subscription_id(event) or key_of(device["deviceId"], tag),
    }
    if event.kind is EventKind.SUBSCRIPTION_DELETED:
        entity["deviceId"] = device["deviceId"]
    return entity


def _subscription_id(event: Event) -> str | None:
    """Name a subscription as the API does; None where an older version kept the event."""
    tag = event.private.get("tag_id")
    registration_id = parse("registration", event.body["registration"]["id"])
    return None if tag is None else f"{tag}{letters_of(registration_id)}"


def _message(event: Event, application: str, message_id: str) -> dict[str, Any]:
    told = event.body.get("deliveries", [event.body])
    provider = event.body.get("provider")
    entity = {
        "deviceIds": [
            name for each in told if (name := each.get("device_id") or each.get("registration_id"))
        ],
        "platform": letter_of(ProviderName(provider)) if provider else "",
        "messageId": message_id,
    }
    if (status := _STATUSES.get(event.kind)) is not None:
        return {**entity, "msgStatus": status}
    reasons = dict.fromkeys(str(each["reason"]) for each in told if each.get("reason"))
    return {
        **entity,
        "applicationId": application,
        "msgStatus": "failure",
        "failureReason": "; ".join(reasons) or event.kind.value.rpartition(".")[2],
    }


def _number(spelled: str) -> int:
    """Make a number of an id's letters: the same for the same id."""
    return int.from_bytes(spelled.encode()[-_ID_DIGITS // 2 :], "big")
