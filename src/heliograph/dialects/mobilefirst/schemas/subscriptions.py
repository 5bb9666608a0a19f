"""Bodies of subscriptions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import ConfigDict, Field, field_validator, model_validator

from heliograph.core.errors import ProblemKind
from heliograph.dialects.mobilefirst.schemas.devices import Device
from heliograph.dialects.mobilefirst.schemas.wire import (
    Name,
    PageInfo,
    PositionedQuery,
    UserId,
    Wire,
)
from heliograph.web.schemas import Items, custom_error

if TYPE_CHECKING:
    from pydantic import ValidationInfo

MAX_TAGS = 500
"""Tags in one request: each is a subscription of its own."""


class SubscriptionBody(Wire):
    """The body of `POST …/subscriptions`: one tag, or several, which win."""

    device_id: Name
    tag_names: Annotated[Items[Name], Field(min_length=1, max_length=MAX_TAGS)] | None = None
    tag_name: Name | None = None

    @model_validator(mode="before")
    @classmethod
    def _spell_out(cls, body: object) -> object:
        # Only what stands in the body is complained of under the name it has there.
        return {"tagName": None, **body} if isinstance(body, dict) else body

    @field_validator("tag_name")
    @classmethod
    def _needs_one(cls, value: str | None, info: ValidationInfo) -> str | None:
        # Absent from what was read so far means refused: that has been said.
        if value is None and info.data.get("tag_names", ()) is None:
            raise custom_error(ProblemKind.MISSING, "present, or tagNames")
        return value


class SubscriptionAction(Wire):
    """The query of `POST …/subscriptions`."""

    action: Literal["delete"] | None = None


class SubscriptionKey(Wire):
    """The query of `DELETE …/subscriptions`: the only one whose strangers are refused."""

    model_config = ConfigDict(extra="forbid")

    device_id: Name
    tag_name: Name


class SubscriptionQuery(PositionedQuery):
    """The query of `GET …/subscriptions`."""

    device_id: Name | None = None
    tag_name: Name | None = None
    user_id: UserId | None = None


class Subscription(Wire):
    """A subscription; every value is a string, because one SDK reads it as such a map."""

    subscription_id: str | None = None
    device_id: str
    tag_name: str
    user_id: str
    href: str
    created_mode: str | None = None
    created_time: str | None = None


class OneSubscription(Subscription):
    """The answer to `GET …/subscriptions/{subscriptionId}`, in both documented forms at once."""

    devices: tuple[Device, ...]
    page_info: PageInfo


class SubscriptionList(Wire):
    """A page of subscriptions, and the same page as its devices, which is also documented."""

    subscriptions: tuple[Subscription, ...]
    devices: tuple[Device, ...]
    page_info: PageInfo


class TagsNotFound(Wire):
    """Which tags of a request do not exist."""

    tags: tuple[str, ...]
    message: str
    code: str


class Subscribed(Wire):
    """The answer where several tags were subscribed to."""

    subscribed: tuple[Subscription, ...]
    subscription_exists: tuple[Subscription, ...]
    tags_not_found: TagsNotFound


class Unsubscribed(Wire):
    """The answer where several tags were unsubscribed from."""

    unsubscribed: tuple[Subscription, ...]
    subscription_not_exists: tuple[Subscription, ...]
    tags_not_found: TagsNotFound
