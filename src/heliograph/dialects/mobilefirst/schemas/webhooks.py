"""Bodies of webhooks."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field

from heliograph.dialects.mobilefirst.schemas.wire import Name, PageInfo, PageQuery, Wire
from heliograph.web.schemas import Items, Text

MAX_URL_CHARS = 2048


def _parts(value: object) -> object:
    """Split the documented string at its commas; an array will do as well."""
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    if isinstance(value, list):
        return [part.strip() if isinstance(part, str) else part for part in value]
    return value


Url = Annotated[Text, Field(min_length=1, max_length=MAX_URL_CHARS)]
EventTypes = Annotated[Items[Name], BeforeValidator(_parts), Field(min_length=1, max_length=100)]


class WebhookBody(Wire):
    """The body of `POST …/webhooks`."""

    name: Name
    url: Url
    event_types: EventTypes


class WebhookChanges(Wire):
    """The body of `PUT …/webhooks/{name}`; the name, if given, is the path's."""

    name: Name | None = None
    url: Url
    event_types: EventTypes


class WebhookQuery(PageQuery):
    """The query of `GET …/webhooks`."""


class Webhook(Wire):
    """A webhook. Its event types are one string."""

    name: str
    url: str
    event_types: str


class WebhookList(Wire):
    """A page of webhooks."""

    webhooks: tuple[Webhook, ...]
    page_info: PageInfo
