"""Messages: whom they are for, and what each provider is told of them."""

from __future__ import annotations

import secrets
import string
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from heliograph.core.errors import InvalidRequest, NotFound, Problem, ProblemKind
from heliograph.core.model.audience import (
    Address,
    Addresses,
    Audience,
    Devices,
    Everyone,
    Tags,
    Users,
)
from heliograph.core.model.listing import RegistrationField
from heliograph.core.model.notification import Content
from heliograph.core.model.receipt import Receipt, ReceiptKind
from heliograph.core.model.registration import ProviderName
from heliograph.dialects.mobilefirst.mapping.apns_message import to_apns
from heliograph.dialects.mobilefirst.mapping.devices import PROVIDERS
from heliograph.dialects.mobilefirst.mapping.gcm_message import to_fcm
from heliograph.dialects.mobilefirst.mapping.phones import dialled
from heliograph.dialects.mobilefirst.mapping.tags import BROADCAST, canonical
from heliograph.dialects.mobilefirst.mapping.wns_message import to_wns
from heliograph.dialects.mobilefirst.schemas import messages as schemas
from heliograph.web.schemas import check

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from heliograph.core.ids import Id
    from heliograph.core.model.notification import Notification
    from heliograph.core.model.registration import Registration

MESSAGE_ALIAS = "mobilefirst_message"
"""The kind of alias under which a message is known, per application."""

TEXT_ALIAS = "mobilefirst_text_message"
"""The same for the text message of one that is also a push."""

_PUSH = tuple(name for name in ProviderName if name is not ProviderName.SMS)
_SMS = (ProviderName.SMS,)
_ARRAYS = ("//ArrayOfMessageBody", "ArrayOfMessageBody")
_TEXT_MESSAGE, _BOTH = 2, 3
_ID_CHARS = 8
_ID_LETTERS = string.digits + string.ascii_lowercase
_RECEIPTS = {"SEEN": ReceiptKind.DELIVERED, "OPEN": ReceiptKind.OPENED}


@dataclass(frozen=True, slots=True)
class Numbers:
    """Who is to get a text message: these numbers, or those that devices or users gave."""

    phones: tuple[str, ...] = ()
    field: RegistrationField | None = None
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """One message as the core is asked for it.

    push: whom it goes to as a push; None for nobody. numbers, texted: whom it
    goes to as a text message, by number or as registrations of the kind.
    """

    message_id: str
    content: Content
    push: Audience | None
    numbers: Numbers | None
    texted: Audience | None


def new_message_id() -> str:
    """Make an id of a message: eight letters and digits."""
    return "".join(secrets.choice(_ID_LETTERS) for _ in range(_ID_CHARS))


def listed_id(message_id: str) -> str:
    """Let an id pass that a message may have; raises NotFound."""
    if not 0 < len(message_id) <= _ID_CHARS or not set(message_id) <= set(_ID_LETTERS):
        raise NotFound("message", message_id)
    return message_id


def to_body(document: Any) -> schemas.MessageBody:
    """Read one message; raises InvalidRequest naming every problem."""
    body = check(document, schemas.MessageBody)
    problems = [*_text_problems(body), *_target_problems(body)]
    if problems:
        raise InvalidRequest(problems)
    return body


def to_documents(document: Any) -> list[Any]:
    """Find the messages of a bulk in its three documented forms; raises InvalidRequest."""
    if isinstance(document, dict):
        document = next((document[name] for name in _ARRAYS if name in document), document)
    if not isinstance(document, list):
        raise InvalidRequest([Problem((), ProblemKind.WRONG_TYPE, "an array of messages")])
    if not 0 < len(document) <= schemas.MAX_BULK:
        kind = ProblemKind.TOO_MANY if document else ProblemKind.TOO_SHORT
        raise InvalidRequest([Problem(("messages",), kind, f"1 to {schemas.MAX_BULK} of them")])
    return [_with_message(each) for each in document]


def to_bodies(documents: Sequence[Any]) -> list[schemas.MessageBody]:
    """Read a bulk's messages; raises InvalidRequest naming every problem of every one."""
    bodies, problems = [], []
    for place, document in enumerate(documents):
        try:
            bodies.append(to_body(document))
        except InvalidRequest as error:
            problems += [at_place(place, problem) for problem in error.problems]
    if problems:
        raise InvalidRequest(problems)
    return bodies


def at_place(place: int, problem: Problem) -> Problem:
    """Say which message of a bulk has a problem."""
    return Problem((place, *problem.path), problem.kind, problem.expected)


def to_plan(body: schemas.MessageBody, message_id: str) -> Plan:
    """Plan a message: its push, its text message, or both."""
    target = body.target or schemas.Target()
    push = texted = None
    numbers = None
    if body.notification_type != _TEXT_MESSAGE and not target.phone_number:
        push = _audience(target, _PUSH)
    if body.notification_type in (_TEXT_MESSAGE, _BOTH):
        texted = None if target.phone_number else _audience(target, _SMS)
        numbers = _numbers(target)
    return Plan(message_id, _content(body, message_id), push, numbers, texted)


def to_addresses(phones: Sequence[str]) -> Addresses:
    """Address telephone numbers, in whatever groups their digits were given, each once."""
    numbers = dict.fromkeys(map(dialled, phones))
    return Addresses(tuple(Address(ProviderName.SMS, number) for number in numbers))


def to_receipt(
    body: schemas.StatusBody, notification_id: Id, registration: Registration, *, at: datetime
) -> Receipt:
    """Translate what a device says of a message."""
    kind = _RECEIPTS[body.status]
    return Receipt(
        registration.application_id, notification_id, kind, at, target_id=registration.id
    )


def from_accepted(document: Mapping[str, Any], message_id: str) -> schemas.Accepted:
    """Answer a message with what was asked for, and its id."""
    return schemas.Accepted(message=dict(document), messageId=message_id)


def from_notification(notification: Notification, message_id: str) -> schemas.Message:
    """Show a message."""
    return schemas.Message(alert=notification.content.body or "", messageId=message_id)


def _with_message(document: Any) -> Any:
    """Give an element its usual form: two pages call the text `messages`."""
    if not isinstance(document, dict) or "messages" not in document or "message" in document:
        return document
    return {
        "message": document["messages"],
        **{name: value for name, value in document.items() if name != "messages"},
    }


def _text_problems(body: schemas.MessageBody) -> list[Problem]:
    if body.message.alert:
        return []
    apns = body.settings.apns if body.settings is not None else None
    is_silent = apns is not None and apns.type == "SILENT"
    if is_silent and body.notification_type == 1:
        return []
    return [Problem(("message", "alert"), ProblemKind.MISSING, "present, and not empty")]


def _target_problems(body: schemas.MessageBody) -> list[Problem]:
    if body.target is None:
        return []
    target = body.target.model_dump(by_alias=True)
    given = [name for name, value in target.items() if value]
    if len(given) > 1:
        expected = f"one kind of target, and not {' and '.join(given)}"
        return [Problem(("target",), ProblemKind.NOT_ALLOWED, expected)]
    if given == ["phoneNumber"] and body.notification_type == 1:
        expected = "2 or 3 where the target is a phoneNumber"
        return [Problem(("notificationType",), ProblemKind.NOT_ALLOWED, expected)]
    return []


def _audience(target: schemas.Target, providers: tuple[ProviderName, ...]) -> Audience:
    """Say whom a target means, of these providers' registrations."""
    if target.device_ids:
        return Devices(target.device_ids, providers)
    if target.user_ids:
        return Users(target.user_ids, providers)
    if target.tag_names:
        return Tags(tuple(canonical(name) for name in target.tag_names), providers)
    if target.platforms:
        named = {PROVIDERS[letter] for letter in target.platforms}
        # A platform is a kind of push: for text messages it means nothing but everybody.
        wanted = tuple(each for each in providers if each in named) or providers
        return Everyone(wanted)
    return Tags((BROADCAST,), providers)


def _numbers(target: schemas.Target) -> Numbers | None:
    if target.phone_number:
        return Numbers(phones=tuple(map(dialled, target.phone_number)))
    if target.device_ids:
        return Numbers(field=RegistrationField.DEVICE_ID, names=target.device_ids)
    if target.user_ids:
        return Numbers(field=RegistrationField.USER_ID, names=target.user_ids)
    return None


def _content(body: schemas.MessageBody, message_id: str) -> Content:
    settings = body.settings or schemas.Settings()
    overrides = {
        ProviderName.APNS: to_apns(body.message, settings.apns, message_id),
        ProviderName.FCM: to_fcm(body.message, settings.gcm, message_id),
        ProviderName.WNS: to_wns(body.message, settings.wns),
    }
    return Content(
        body=body.message.alert or None,
        overrides={name: said for name, said in overrides.items() if said},
    )
