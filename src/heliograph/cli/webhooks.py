"""`heliograph webhooks create|list|attempts|replay|enable|disable|rotate-secret|delete`."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from heliograph.cli.operator import as_operator
from heliograph.cli.options import ApplicationId, ConfigFile, DatabaseUrl, DataDir
from heliograph.cli.output import AsJson, show, show_one
from heliograph.core.ids import Id, parse
from heliograph.core.model.webhook import ALL_KINDS, EventKind
from heliograph.core.webhooks.webhooks import WebhookDraft
from heliograph.dialects.native.mapping import webhooks
from heliograph.dialects.native.schemas.times import to_instant

if TYPE_CHECKING:
    from datetime import datetime

    from heliograph.core.core import Core
    from heliograph.core.model.application import Application
    from heliograph.core.model.identity import ClientPrincipal
    from heliograph.core.model.webhook import Webhook

app = typer.Typer(help="Where back ends are told what happened.", no_args_is_help=True)

WebhookId = Annotated[str, typer.Argument(help="The webhook's id, whk_….")]
KEEP = "Keep the secret: it is not shown again."


def _instant(text: str) -> datetime:
    try:
        return to_instant(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


@app.command("create")
def create(
    application: ApplicationId,
    url: Annotated[str, typer.Argument(help="Where to, https://….")],
    event: Annotated[
        list[EventKind] | None, typer.Option(help="What to tell; repeatable. All, if none.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="A name of your own for it.")] = None,
    data: DataDir = None,
    database_url: DatabaseUrl = None,
    config_file: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Make a webhook, and print the secret that its calls are signed with."""
    draft = WebhookDraft(url, frozenset(event or ALL_KINDS), name)

    async def work(core: Core, place: Application, operator: ClientPrincipal) -> Any:
        webhook, secret = await core.webhooks.create(operator, place, draft)
        return _row(webhook) | {"secret": secret}

    row = as_operator(config_file, data, database_url, application, work)
    show_one(row, as_json=as_json, next_step=KEEP)


@app.command("list")
def list_webhooks(
    application: ApplicationId,
    data: DataDir = None,
    database_url: DatabaseUrl = None,
    config_file: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """List an application's webhooks and how they stand."""

    async def work(core: Core, place: Application, operator: ClientPrincipal) -> Any:
        return [_row(each) for each in await core.webhooks.all_of(operator, place)]

    rows = as_operator(config_file, data, database_url, application, work)
    show(rows, as_json=as_json, empty="No webhooks yet: heliograph webhooks create")


@app.command("attempts")
def list_attempts(
    webhook: WebhookId,
    application: ApplicationId,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="At most so many.")] = 100,
    data: DataDir = None,
    database_url: DatabaseUrl = None,
    config_file: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """List the calls of a webhook, newest first."""

    async def work(core: Core, place: Application, operator: ClientPrincipal) -> Any:
        found, _ = await core.webhooks.attempts(
            operator, place, _id(webhook), before=None, limit=limit
        )
        return webhooks.from_attempts(found, None).model_dump(mode="json")["items"]

    rows = as_operator(config_file, data, database_url, application, work)
    show(rows, as_json=as_json, empty="It has not been called yet.")


@app.command("replay")
def replay(
    webhook: WebhookId,
    application: ApplicationId,
    event: Annotated[
        list[str] | None, typer.Option("--event", help="An event to send again, evt_…; repeatable.")
    ] = None,
    since: Annotated[
        str | None, typer.Option(help="All from then on, such as 2026-01-02T03:04:05+01:00.")
    ] = None,
    until: Annotated[str | None, typer.Option(help="And before then; else until now.")] = None,
    data: DataDir = None,
    database_url: DatabaseUrl = None,
    config_file: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Send events again, under the ids that they had."""
    start = None if since is None else _instant(since)
    end = None if until is None else _instant(until)

    async def work(core: Core, place: Application, operator: ClientPrincipal) -> Any:
        ids = [parse("event", each) for each in event or ()]
        count = await core.webhooks.replay(
            operator, place, _id(webhook), event_ids=ids, since=start, until=end
        )
        return {"events": count}

    show_one(as_operator(config_file, data, database_url, application, work), as_json=as_json)


@app.command("enable")
def enable(
    webhook: WebhookId,
    application: ApplicationId,
    data: DataDir = None,
    database_url: DatabaseUrl = None,
    config_file: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Send to a disabled webhook again; what it is still owed comes first."""

    async def work(core: Core, place: Application, operator: ClientPrincipal) -> Any:
        return _row(await core.webhooks.enable(operator, place, _id(webhook)))

    show_one(as_operator(config_file, data, database_url, application, work), as_json=as_json)


@app.command("disable")
def disable(
    webhook: WebhookId,
    application: ApplicationId,
    data: DataDir = None,
    database_url: DatabaseUrl = None,
    config_file: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Send nothing more to a webhook until it is enabled again."""

    async def work(core: Core, place: Application, operator: ClientPrincipal) -> Any:
        return _row(await core.webhooks.disable(operator, place, _id(webhook)))

    show_one(as_operator(config_file, data, database_url, application, work), as_json=as_json)


@app.command("rotate-secret")
def rotate_secret(
    webhook: WebhookId,
    application: ApplicationId,
    overlap_s: Annotated[
        int, typer.Option(min=0, max=604_800, help="Seconds that the former one signs as well.")
    ] = 86_400,
    data: DataDir = None,
    database_url: DatabaseUrl = None,
    config_file: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Give a webhook a new secret, and print it."""

    async def work(core: Core, place: Application, operator: ClientPrincipal) -> Any:
        overlap = timedelta(seconds=overlap_s)
        secret = await core.webhooks.rotate(operator, place, _id(webhook), overlap)
        return {"id": webhook, "secret": secret}

    row = as_operator(config_file, data, database_url, application, work)
    show_one(row, as_json=as_json, next_step=KEEP)


@app.command("delete")
def delete(
    webhook: WebhookId,
    application: ApplicationId,
    data: DataDir = None,
    database_url: DatabaseUrl = None,
    config_file: ConfigFile = None,
) -> None:
    """Delete a webhook and what it is owed."""

    async def work(core: Core, place: Application, operator: ClientPrincipal) -> Any:
        await core.webhooks.remove(operator, place, _id(webhook))

    as_operator(config_file, data, database_url, application, work)


def _id(text: str) -> Id:
    return parse("webhook", text)


def _row(webhook: Webhook) -> dict[str, Any]:
    shown = webhooks.from_webhook(webhook).model_dump(mode="json")
    return shown | {"events": " ".join(shown["events"])}
