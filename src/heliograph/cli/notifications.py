"""`heliograph notifications send|show|list|deliveries|cancel|pause|resume`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from heliograph.cli.operator import as_operator
from heliograph.cli.options import ApplicationId, ConfigFile, DatabaseUrl, DataDir
from heliograph.cli.output import AsJson, show, show_one
from heliograph.core.errors import InvalidRequest, Problem, ProblemKind
from heliograph.core.ids import Id, parse, spell
from heliograph.core.model.delivery import DeliveryFilter, DeliveryState
from heliograph.core.notifications.idempotency import IdempotencyKey, body_hash, check_key
from heliograph.dialects.native.mapping import audiences, deliveries, notifications
from heliograph.dialects.native.schemas.notifications import NotificationBody
from heliograph.web.bodies import parse_json
from heliograph.web.schemas import check

if TYPE_CHECKING:
    from collections.abc import Mapping

    from heliograph.core.core import Core
    from heliograph.core.model.application import Application
    from heliograph.core.model.identity import ClientPrincipal
    from heliograph.core.model.notification import Notification

app = typer.Typer(help="What is sent, and what became of it.", no_args_is_help=True)

NotificationId = Annotated[str, typer.Argument(help="The notification's id, ntf_….")]
Limit = Annotated[int, typer.Option(min=1, max=100_000, help="At most so many.")]

MOST = 100


@app.command("send")
def send(
    application: ApplicationId,
    user: Annotated[
        list[str] | None, typer.Option(help="Your own id of a user to send to; repeatable.")
    ] = None,
    tag: Annotated[list[str] | None, typer.Option(help="A tag to send to; repeatable.")] = None,
    registration: Annotated[
        list[str] | None, typer.Option(help="A registration to send to, reg_…; repeatable.")
    ] = None,
    everyone: Annotated[bool, typer.Option("--everyone", help="Send to everyone.")] = False,
    title: Annotated[str | None, typer.Option(help="The first line.")] = None,
    body: Annotated[str | None, typer.Option(help="The text.")] = None,
    payload: Annotated[
        str | None, typer.Option("--data-json", help="A JSON object for the app itself.")
    ] = None,
    send_at: Annotated[
        str | None, typer.Option(help="When, such as 2026-01-02T03:04:05+01:00; else now.")
    ] = None,
    ttl_s: Annotated[int | None, typer.Option(help="Seconds until it is given up.")] = None,
    file: Annotated[
        Path | None,
        typer.Option(
            "--file", help="A request of the native API instead, as JSON; - reads standard input."
        ),
    ] = None,
    idempotency_key: Annotated[
        str | None, typer.Option(help="Sent once, however often this is repeated in 24 hours.")
    ] = None,
    data: DataDir = None,
    database_url: DatabaseUrl = None,
    config_file: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Send a notification: to users, tags, registrations or everyone."""
    audience = {"users": user, "tags": tag, "registrations": registration}
    chosen: dict[str, Any] = {form: names for form, names in audience.items() if names}
    if everyone:
        chosen["everyone"] = True
    request = _given(
        {
            "audience": chosen,
            "content": _given({"title": title, "body": body, "data": _object(payload)}),
            "options": _given({"send_at": send_at, "ttl_s": ttl_s}),
        },
        file,
    )
    read = check(request, NotificationBody)
    key = None
    if idempotency_key is not None:
        key = IdempotencyKey(check_key(idempotency_key), body_hash(request))

    async def work(core: Core, place: Application, operator: ClientPrincipal) -> Any:
        named = audiences.users_named(read.audience)
        users = await core.members.ids_of(operator, place, named)
        accepted = await core.notifications.accept(
            operator,
            place,
            audiences.to_audience(read.audience, users),
            notifications.to_content(read.content, is_template=read.audience.has_places),
            notifications.to_options(read.options),
            key,
        )
        return _row(accepted)

    row = as_operator(config_file, data, database_url, application, work)
    step = f"Next: heliograph notifications show {row['id']} --application {application}"
    show_one(row, as_json=as_json, next_step=step)


@app.command("show")
def show_notification(
    notification: NotificationId,
    application: ApplicationId,
    data: DataDir = None,
    database_url: DatabaseUrl = None,
    config_file: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Show a notification and how its deliveries stand."""

    async def work(core: Core, place: Application, operator: ClientPrincipal) -> Any:
        report = await core.notifications.report(operator, place, _id(notification))
        receipts = await core.receipts.counters(operator, place, report.notification.id)
        shown = notifications.from_report(report, receipts)
        said = {f"receipts_{kind}": count for kind, count in shown.receipts.model_dump().items()}
        return _row(report.notification) | shown.counters.model_dump(mode="json") | said

    row = as_operator(config_file, data, database_url, application, work)
    step = f"Next: heliograph notifications deliveries {notification} --application {application}"
    show_one(row, as_json=as_json, next_step=step)


@app.command("list")
def list_notifications(
    application: ApplicationId,
    limit: Limit = MOST,
    data: DataDir = None,
    database_url: DatabaseUrl = None,
    config_file: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """List notifications, newest first."""

    async def work(core: Core, place: Application, operator: ClientPrincipal) -> Any:
        found, _ = await core.notifications.recent(operator, place, before=None, limit=limit)
        return [_row(each) for each in found]

    rows = as_operator(config_file, data, database_url, application, work)
    show(rows, as_json=as_json, empty="No notifications yet: heliograph notifications send")


@app.command("deliveries")
def list_deliveries(
    notification: NotificationId,
    application: ApplicationId,
    user: Annotated[str | None, typer.Option(help="Only this user's, by your own id.")] = None,
    registration: Annotated[str | None, typer.Option(help="Only this one's, reg_….")] = None,
    state: Annotated[DeliveryState | None, typer.Option(help="Only those in this state.")] = None,
    limit: Limit = MOST,
    data: DataDir = None,
    database_url: DatabaseUrl = None,
    config_file: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Tell what became of a notification, target by target."""

    async def work(core: Core, place: Application, operator: ClientPrincipal) -> Any:
        named = None if registration is None else parse("registration", registration)
        page = await core.notifications.deliveries(
            operator,
            place,
            _id(notification),
            DeliveryFilter(user, named, state),
            after=None,
            limit=limit,
        )
        receipts = await core.receipts.of_deliveries(operator, place, page.items)
        rows = deliveries.from_deliveries(page, receipts).model_dump(mode="json")["items"]
        return [row | {"receipts": _listed(row["receipts"])} for row in rows]

    rows = as_operator(config_file, data, database_url, application, work)
    show(rows, as_json=as_json, empty="No deliveries: none was tried yet, or none is recorded.")


@app.command("cancel")
def cancel(
    notification: NotificationId,
    application: ApplicationId,
    data: DataDir = None,
    database_url: DatabaseUrl = None,
    config_file: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """End a notification before its time."""

    async def work(core: Core, place: Application, operator: ClientPrincipal) -> Any:
        return _row(await core.notifications.cancel(operator, place, _id(notification)))

    show_one(as_operator(config_file, data, database_url, application, work), as_json=as_json)


@app.command("pause")
def pause(
    notification: NotificationId,
    application: ApplicationId,
    data: DataDir = None,
    database_url: DatabaseUrl = None,
    config_file: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Hold a running notification."""

    async def work(core: Core, place: Application, operator: ClientPrincipal) -> Any:
        return _row(await core.notifications.pause(operator, place, _id(notification)))

    row = as_operator(config_file, data, database_url, application, work)
    step = f"Next: heliograph notifications resume {notification} --application {application}"
    show_one(row, as_json=as_json, next_step=step)


@app.command("resume")
def resume(
    notification: NotificationId,
    application: ApplicationId,
    data: DataDir = None,
    database_url: DatabaseUrl = None,
    config_file: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Let a paused notification go on."""

    async def work(core: Core, place: Application, operator: ClientPrincipal) -> Any:
        return _row(await core.notifications.resume(operator, place, _id(notification)))

    show_one(as_operator(config_file, data, database_url, application, work), as_json=as_json)


def _id(text: str) -> Id:
    return parse("notification", text)


def _row(notification: Notification) -> dict[str, Any]:
    return notifications.from_notification(notification).model_dump(mode="json") | {
        "id": spell("notification", notification.id)
    }


def _listed(receipts: Mapping[str, str | None]) -> str:
    return ", ".join(f"{kind} {at}" for kind, at in receipts.items() if at is not None)


def _given(parts: Mapping[str, Any], file: Path | None = None) -> Any:
    """Leave out what was not given; a file says it all instead. Raises InvalidRequest."""
    if file is None:
        return {
            name: part
            for name, part in parts.items()
            if part not in (None, {}) or (name in ("audience", "content"))
        }
    if any(parts.values()):
        expected = "alone: the file says who it is for and what it says"
        raise InvalidRequest([Problem(("--file",), ProblemKind.NOT_ALLOWED, expected)])
    raw = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    return parse_json(raw)


def _object(text: str | None) -> Any:
    if text is None:
        return None
    try:
        return parse_json(text.encode(errors="surrogateescape"))
    except InvalidRequest as error:
        expected = "a JSON object, such as '{\"table\": 4}'"
        problem = Problem(("--data-json",), ProblemKind.NOT_JSON, expected)
        raise InvalidRequest([problem]) from error
