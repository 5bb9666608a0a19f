"""Messages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from heliograph.core.errors import InvalidRequest, NotFound, WrongState
from heliograph.core.model.audience import Addresses
from heliograph.core.model.notification import Options
from heliograph.dialects.mobilefirst.auth import scopes
from heliograph.dialects.mobilefirst.mapping import messages as mapping
from heliograph.dialects.mobilefirst.mapping.devices import to_device_id
from heliograph.dialects.mobilefirst.mapping.paging import wire
from heliograph.dialects.mobilefirst.routes.admission import (
    APPLICATION,
    admit,
    also_with_slash,
    answer,
)
from heliograph.dialects.mobilefirst.schemas import messages as schemas
from heliograph.web.dialect import Route
from heliograph.web.responses import empty_response, json_response

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.responses import Response

    from heliograph.core.core import Core
    from heliograph.core.errors import Problem
    from heliograph.core.ids import Id
    from heliograph.core.model.audience import Audience
    from heliograph.core.model.notification import Content
    from heliograph.dialects.mobilefirst.mapping.messages import Plan
    from heliograph.dialects.mobilefirst.routes.admission import Admission
    from heliograph.web.request import Request

_COLLECTION = f"{APPLICATION}/messages"
_ONE = f"{_COLLECTION}/{{message_id}}"
_SOURCE = "docs/dialects/mobilefirst.md#messages"
_OPTIONS = Options()


@dataclass(frozen=True, slots=True)
class _Send:
    """One notification of a message. alias: the kind under which it is known."""

    alias: str
    message_id: str
    audience: Audience
    content: Content


async def send_message(request: Request, core: Core) -> Response:
    """Send a message; 202 with its id."""
    entry = await admit(request, core, scopes.MESSAGE_WRITE)
    document = await request.json()
    body = mapping.to_body(document)
    plan = mapping.to_plan(body, await _new_id(core, entry))
    sends = await _sends(core, entry, plan)
    problems = await _problems(core, entry, sends)
    if problems:
        raise InvalidRequest(problems)
    await _require_devices(core, entry, sends)
    await _accept(core, entry, sends)
    return answer(mapping.from_accepted(document, plan.message_id), 202)


async def send_messages(request: Request, core: Core) -> Response:
    """Send several messages, or none if one of them can't be; 202 with their ids."""
    entry = await admit(request, core, scopes.MESSAGE_WRITE)
    documents = mapping.to_documents(await request.json())
    bodies = mapping.to_bodies(documents)
    plans = [mapping.to_plan(body, await _new_id(core, entry)) for body in bodies]
    sends = [await _sends(core, entry, plan) for plan in plans]
    problems = [
        mapping.at_place(place, problem)
        for place, each in enumerate(sends)
        for problem in await _problems(core, entry, each)
    ]
    if problems:
        raise InvalidRequest(problems)
    await _require_devices(core, entry, [send for each in sends for send in each])
    for each in sends:
        await _accept(core, entry, each)
    shown = zip(documents, plans, strict=True)
    return json_response(
        [wire(mapping.from_accepted(document, plan.message_id)) for document, plan in shown], 202
    )


async def get_message(request: Request, core: Core) -> Response:
    """Show a message; 200."""
    entry = await admit(request, core, scopes.MESSAGE_READ)
    message_id = mapping.listed_id(request.path_params["message_id"])
    known = await _notification_id(core, entry, message_id)
    report = await core.notifications.report(entry.principal, entry.application, known)
    return answer(mapping.from_notification(report.notification, message_id))


async def delete_message(request: Request, core: Core) -> Response:
    """Forget a message, and stop what of it is still to be sent; 204."""
    entry = await admit(request, core, scopes.MESSAGE_WRITE)
    message_id = mapping.listed_id(request.path_params["message_id"])
    await _stop(core, entry, await _notification_id(core, entry, message_id))
    scope_id = entry.application.id
    texted = await core.aliases.find(mapping.TEXT_ALIAS, scope_id, message_id)
    if texted is not None:
        await _stop(core, entry, texted)
        await core.aliases.drop(mapping.TEXT_ALIAS, scope_id, message_id)
    await core.aliases.drop(mapping.MESSAGE_ALIAS, scope_id, message_id)
    return empty_response()


async def report_status(request: Request, core: Core) -> Response:
    """Note what a device says of a message; 200 with an empty object."""
    entry = await admit(request, core, scopes.MESSAGE_STATUS)
    message_id = mapping.listed_id(request.path_params["message_id"])
    body = await request.read(schemas.StatusBody)
    known = await _notification_id(core, entry, message_id)
    registration = await core.registrations.of_device(
        entry.principal, entry.application, to_device_id(body.device_id)
    )
    said = mapping.to_receipt(body, known, registration, at=core.clock.now())
    await core.receipts.record(entry.principal, entry.application, said)
    return json_response({})


async def _new_id(core: Core, entry: Admission) -> str:
    """Make an id that no message of the application has."""
    while True:
        made = mapping.new_message_id()
        if await core.aliases.find(mapping.MESSAGE_ALIAS, entry.application.id, made) is None:
            return made


async def _sends(core: Core, entry: Admission, plan: Plan) -> list[_Send]:
    """Say which notifications a message comes to: a push, a text message, or both."""
    audiences = [] if plan.push is None else [plan.push]
    numbers = plan.numbers
    if numbers is not None:
        phones: Sequence[str] = numbers.phones
        if numbers.field is not None:
            phones = await core.registrations.phones_of(
                entry.principal, entry.application, numbers.field, numbers.names
            )
        if phones:
            audiences.append(mapping.to_addresses(phones))
        elif plan.texted is not None:
            audiences.append(plan.texted)
    elif plan.texted is not None:
        audiences.append(plan.texted)
    kinds = (mapping.MESSAGE_ALIAS, mapping.TEXT_ALIAS)
    return [
        _Send(kind, plan.message_id, audience, plan.content)
        for kind, audience in zip(kinds, audiences, strict=False)
    ]


async def _problems(core: Core, entry: Admission, sends: Sequence[_Send]) -> list[Problem]:
    return [
        problem
        for each in sends
        for problem in await core.notifications.find_problems(
            entry.principal, entry.application, each.audience, each.content, _OPTIONS
        )
    ]


async def _require_devices(core: Core, entry: Admission, sends: Sequence[_Send]) -> None:
    """Refuse to send where there is nobody at all; raises NotFound.

    A message that only misses its target is another matter: it is accepted, and fails.
    """
    if all(isinstance(each.audience, Addresses) for each in sends):
        return
    if not await core.registrations.has_any(entry.principal, entry.application):
        raise NotFound("devices", entry.application.name)


async def _accept(core: Core, entry: Admission, sends: Sequence[_Send]) -> None:
    for each in sends:
        accepted = await core.notifications.accept(
            entry.principal,
            entry.application,
            each.audience,
            each.content,
            _OPTIONS,
            # Devices say their numbers as they like: one that is none keeps nobody waiting.
            takes_any_address=True,
        )
        await core.aliases.set(each.alias, entry.application.id, accepted.id, each.message_id)


async def _notification_id(core: Core, entry: Admission, message_id: str) -> Id:
    known = await core.aliases.find(mapping.MESSAGE_ALIAS, entry.application.id, message_id)
    if known is None:
        raise NotFound("message", message_id)
    return known


async def _stop(core: Core, entry: Admission, notification_id: Id) -> None:
    try:
        await core.notifications.cancel(entry.principal, entry.application, notification_id)
    except WrongState:
        # All of it was sent: there is nothing left to stop.
        return


ROUTES = also_with_slash(
    (
        Route(
            "POST",
            _COLLECTION,
            send_message,
            source=_SOURCE,
            summary="Send a message",
            body=schemas.MessageBody,
            answers={202: schemas.Accepted},
        ),
        Route(
            "POST",
            f"{_COLLECTION}/bulk",
            send_messages,
            source=_SOURCE,
            summary="Send several messages",
            body=schemas.MessageBody,
            answers={202: schemas.Accepted},
        ),
        Route(
            "GET",
            _ONE,
            get_message,
            source=_SOURCE,
            summary="Show a message",
            answers={200: schemas.Message},
        ),
        Route(
            "DELETE",
            _ONE,
            delete_message,
            source=_SOURCE,
            summary="Forget a message",
            answers={204: None},
        ),
        Route(
            "PUT",
            _ONE,
            report_status,
            source=_SOURCE,
            summary="Say what became of a message on a device",
            body=schemas.StatusBody,
            answers={200: schemas.Nothing},
        ),
    )
)
