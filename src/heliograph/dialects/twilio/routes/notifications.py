"""Twilio's operations: sends, and what became of each recipient's notification."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from heliograph.core import access
from heliograph.core.errors import (
    InvalidRequest,
    NotFound,
    Problem,
    ProblemKind,
    Suspended,
)
from heliograph.core.model.identity import Scope
from heliograph.dialects.twilio.auth.callers import caller_of
from heliograph.dialects.twilio.mapping import answers, ids, notifications, paging, sends
from heliograph.dialects.twilio.routes.admission import (
    PAGE,
    accepted,
    app_called,
    applications_of,
    apps_of,
    behind,
    oldest_shown,
    pagination,
    shown,
)
from heliograph.dialects.twilio.schemas import notifications as schemas
from heliograph.dialects.twilio.schemas.sends import ByApp, ByCredentials, SendPushNotifications
from heliograph.dialects.twilio.schemas.wire import NamedOperation
from heliograph.web.dialect import Route

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from starlette.responses import Response

    from heliograph.core.applications.named_applications import NamedApplication
    from heliograph.core.core import Core
    from heliograph.core.ids import Id
    from heliograph.core.model.identity import ClientPrincipal
    from heliograph.core.model.registration import ProviderName
    from heliograph.web.request import Request

    Senders = tuple[NamedApplication, list[tuple[ProviderName, Id]]]

_UNKNOWN = ProblemKind.NOT_ALLOWED


async def send_push_notifications(request: Request, core: Core) -> Response:
    """Accept a send; 202, with the id of its operation."""
    principal = await caller_of(request, core)
    access.require_right(principal, Scope.NOTIFICATIONS_SEND)
    body = await request.read(SendPushNotifications)
    now = core.clock.now()
    problems = sends.schedule_problems(body, now=now)
    try:
        app, credentials = await _senders_of(core, principal, body)
    except InvalidRequest as error:
        others = await _problems_beside(core, principal, body, now)
        raise _refused([*error.problems, *problems], others) from error
    asked = (
        principal,
        app.application,
        sends.to_audience(body),
        sends.to_content(body, app.name),
        sends.to_options(body, credentials, now=now),
    )
    if problems:
        others = map(sends.to_wire, await core.notifications.find_problems(*asked))
        raise _refused(problems, others)
    try:
        notification = await core.notifications.accept(*asked)
    except InvalidRequest as error:
        raise InvalidRequest([*map(sends.to_wire, error.problems)]) from error
    return accepted(answers.from_accepted(notification.id, request.door.public_url))


async def list_push_notifications(request: Request, core: Core) -> Response:
    """List recipients' notifications, newest first."""
    principal = await caller_of(request, core)
    access.require_right(principal, Scope.NOTIFICATIONS_READ)
    query = request.query(schemas.NotificationQuery)
    filters = paging.to_filters("PushNotifications", query, principal)
    this = behind(core, query.page_token, filters)
    wanted = notifications.to_filter(query, oldest=oldest_shown(core))
    reports, following = await core.recipient_lists.recipients(
        principal,
        await applications_of(core, principal) if wanted is not None else (),
        wanted or notifications.NOTHING,
        before=paging.to_place(this),
        limit=query.page_size,
    )
    next_behind = None if following is None else paging.from_place(following)
    page = schemas.PushNotifications(
        push_notifications=tuple(map(notifications.from_report, reports)),
        pagination=pagination(core, filters, this, next_behind),
    )
    return shown(page)


async def get_push_notification(request: Request, core: Core) -> Response:
    """Show one recipient's notification with what it said."""
    principal = await caller_of(request, core)
    access.require_right(principal, Scope.NOTIFICATIONS_READ)
    name = request.path_params["push_notification_id"]
    first, last, ordinal = ids.to_recipient(name)
    report = await core.recipient_lists.recipient(
        principal,
        await applications_of(core, principal),
        first,
        last,
        ordinal,
        since=oldest_shown(core),
    )
    if report is None:
        raise NotFound("notification", name)
    return shown(notifications.from_report_with_content(report))


async def _problems_beside(
    core: Core, principal: ClientPrincipal, body: SendPushNotifications, now: datetime
) -> Iterable[Problem]:
    """Name what is wrong with a send beside its sender: any App can tell."""
    for app in await apps_of(core, principal):
        with suppress(Suspended):
            found = await core.notifications.find_problems(
                principal,
                app.application,
                sends.to_audience(body),
                sends.to_content(body, app.name),
                sends.to_options(body, (), now=now),
            )
            return map(sends.to_wire, found)
    return ()


async def _senders_of(
    core: Core, principal: ClientPrincipal, body: SendPushNotifications
) -> Senders:
    """Find the App that a send is from, and its credentials; raises InvalidRequest."""
    match body.from_:
        case ByCredentials() as form if sends.named_credentials(form):
            return await _named_senders(core, principal, sends.named_credentials(form))
        case ByApp(app_name=name):
            try:
                app: NamedApplication | None = await app_called(core, principal, name)
            except NotFound:
                raise _refusal(("from", "appName"), "the name of an App") from None
        case _:
            app = await core.named_applications.find(principal, ids.NAMING, None)
    if app is None:
        raise _refusal(("from",), "given where there is no default App")
    shelf = await core.credentials.of(app.application.id)
    return app, sends.own_credentials(shelf)


async def _named_senders(core: Core, principal: ClientPrincipal, named: dict[str, str]) -> Senders:
    """Find credentials by their ids; they have to be one App's, each of its slot's type."""
    shelves = {
        each.id: (app, each)
        for app in await apps_of(core, principal)
        for each in await core.credentials.of(app.application.id)
    }
    problems: list[Problem] = []
    found: list[tuple[NamedApplication, ProviderName, Id]] = []
    for slot, text in named.items():
        credential_id = ids.to_credential_id(text)
        known = None if credential_id is None else shelves.get(credential_id)
        if known is None:
            problems.append(Problem(("from", slot), _UNKNOWN, "the id of a credential"))
        elif known[1].provider is not sends.provider_of_slot(slot):
            expected = f"the id of a credential for {slot}"
            problems.append(Problem(("from", slot), _UNKNOWN, expected))
        elif found and found[0][0].name != known[0].name:
            expected = "the id of a credential of the same App as the other"
            problems.append(Problem(("from", slot), _UNKNOWN, expected))
        else:
            found.append((known[0], known[1].provider, known[1].id))
    if problems:
        raise InvalidRequest(problems)
    return found[0][0], [(provider, credential_id) for _, provider, credential_id in found]


def _refused(problems: Sequence[Problem], others: Iterable[Problem]) -> InvalidRequest:
    """Name problems, and of others those that are elsewhere."""
    named = {each.path for each in problems}
    return InvalidRequest([*problems, *(each for each in others if each.path not in named)])


def _refusal(path: tuple[str, ...], expected: str) -> InvalidRequest:
    return InvalidRequest([Problem(path, _UNKNOWN, expected)])


ROUTES = (
    Route(
        "POST",
        "/v1/PushNotifications",
        send_push_notifications,
        source=f"{PAGE}#send",
        summary="Send push notifications",
        body=SendPushNotifications,
        answers={202: NamedOperation},
    ),
    Route(
        "GET",
        "/v1/PushNotifications",
        list_push_notifications,
        source=f"{PAGE}#list-notifications",
        summary="List push notifications",
        query=schemas.NotificationQuery,
        answers={200: schemas.PushNotifications},
    ),
    Route(
        "GET",
        "/v1/PushNotifications/{push_notification_id}",
        get_push_notification,
        source=f"{PAGE}#fetch-a-notification",
        summary="Show a push notification",
        answers={200: schemas.PushNotification},
    ),
)
