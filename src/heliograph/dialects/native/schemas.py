"""Bodies, queries and answers of the native API.

Source: docs/dialects/native.md.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from heliograph.core.errors import NotFound, ProblemKind
from heliograph.core.identity import MAX_TTL_S as MAX_SESSION_S
from heliograph.core.identity import MIN_TTL_S as MIN_SESSION_S
from heliograph.core.ids import parse
from heliograph.core.model.delivery import DeliveryState
from heliograph.core.model.identity import SessionForm
from heliograph.core.model.notification import MAX_TTL_S, NotificationState, Priority
from heliograph.core.model.registration import (
    Claim,
    Environment,
    IfExists,
    ProviderName,
    RegistrationState,
    TokenKind,
)
from heliograph.core.notifications import MAX_LISTED
from heliograph.web.schemas import Choice, Items, Label, Schema, Text, Token, custom_error

MAX_ATTRIBUTES = 64
MAX_ATTRIBUTE_NAME_CHARS = 64
MAX_TEXT_CHARS = 4096
MAX_PAGE = 1000
DEFAULT_PAGE = 100

_MAX_BADGE = 2**31 - 1


def _registration_id(text: str) -> str:
    try:
        parse("registration", text)
    except NotFound as error:
        raise custom_error(ProblemKind.MALFORMED, "a registration's id, reg_…") from error
    return text


def _only_true(value: bool) -> bool:
    if not value:
        raise custom_error(ProblemKind.NOT_ALLOWED, "true, or absent")
    return value


RegistrationId = Annotated[str, AfterValidator(_registration_id)]
AttributeValue = Annotated[Text, Field(max_length=MAX_TEXT_CHARS)]
ShownText = Annotated[Text, Field(max_length=MAX_TEXT_CHARS)]
Count = Annotated[int, Field(ge=0)]


class Attributes(Schema):
    """What the app tells about a device: `categories`, and any other keys as strings."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, AttributeValue] = Field(init=False)

    categories: Annotated[Items[Label], Field(max_length=MAX_LISTED)] = ()

    @model_validator(mode="after")
    def _is_bounded(self) -> Self:
        names = self.model_extra or {}
        if len(names) > MAX_ATTRIBUTES:
            raise custom_error(ProblemKind.TOO_MANY, f"at most {MAX_ATTRIBUTES} keys")
        if any(not 0 < len(name) <= MAX_ATTRIBUTE_NAME_CHARS for name in names):
            expected = f"keys of 1 to {MAX_ATTRIBUTE_NAME_CHARS} characters"
            raise custom_error(ProblemKind.TOO_LONG, expected)
        return self


class RegistrationBody(Schema):
    """POST …/registrations."""

    provider: Choice[ProviderName]
    token: Token
    user_id: Label | None = None
    device_id: Label | None = None
    environment: Choice[Environment] | None = None
    kind: Choice[TokenKind] = TokenKind.ALERT
    claim: Choice[Claim] = Claim.EXCLUSIVE
    if_exists: Choice[IfExists] = IfExists.REPLACE
    attributes: Attributes = Attributes()


class RegistrationChanges(Schema):
    """PATCH …/registrations/{id}. attributes: replace all that were there."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    token: Token | None = None
    environment: Choice[Environment] | None = None
    attributes: Attributes | None = None
    state: Choice[RegistrationState] | None = None

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if not self.model_dump(exclude_none=True):
            expected = "an object with token, environment, attributes or state"
            raise custom_error(ProblemKind.MISSING, expected)
        return self


class PageQuery(Schema):
    """Which part of a list to show."""

    limit: Annotated[int, Field(ge=1, le=MAX_PAGE)] = DEFAULT_PAGE
    cursor: str | None = None


class RegistrationQuery(PageQuery):
    """Which registrations to list."""

    user_id: Label | None = None
    device_id: Label | None = None
    provider: Choice[ProviderName] | None = None


class NoQuery(Schema):
    """No parameters at all."""


class SessionBody(Schema):
    """POST …/sessions. ttl_s: seconds; without it 30 days."""

    user_id: Label
    form: Choice[SessionForm] = SessionForm.NATIVE
    ttl_s: Annotated[int, Field(ge=MIN_SESSION_S, le=MAX_SESSION_S)] | None = None


class AddressBody(Schema):
    """A bare provider token, registered or not."""

    provider: Choice[ProviderName]
    token: Token


class AudienceBody(Schema):
    """Who it is for: exactly one of these."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1, "maxProperties": 1})

    FORMS: ClassVar = ("users", "registrations", "tags", "addresses", "everyone")

    users: Annotated[Items[Label], Field(max_length=MAX_LISTED)] | None = None
    registrations: Annotated[Items[RegistrationId], Field(max_length=MAX_LISTED)] | None = None
    tags: Annotated[Items[Label], Field(max_length=MAX_LISTED)] | None = None
    addresses: Annotated[Items[AddressBody], Field(max_length=MAX_LISTED)] | None = None
    everyone: Annotated[bool, AfterValidator(_only_true)] | None = None

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if sum(getattr(self, form) is not None for form in self.FORMS) != 1:
            expected = f"an object with exactly one of {', '.join(self.FORMS)}"
            raise custom_error(ProblemKind.NOT_ALLOWED, expected)
        return self


class ContentBody(Schema):
    """What the device shows, and `data` for the app itself: at least one of these."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    title: ShownText | None = None
    body: ShownText | None = None
    data: dict[Text, Any] = Field(default_factory=dict)
    sound: Label | None = None
    badge: Annotated[int, Field(ge=0, le=_MAX_BADGE)] | None = None


class OptionsBody(Schema):
    """How it travels. ttl_s: seconds until it is given up."""

    ttl_s: Annotated[int, Field(ge=0, le=MAX_TTL_S)] = MAX_TTL_S
    priority: Choice[Priority] = Priority.HIGH
    collapse_key: Label | None = None
    category: Label | None = None


class NotificationBody(Schema):
    """POST …/notifications."""

    audience: AudienceBody
    content: ContentBody
    options: OptionsBody = OptionsBody()


class Registration(Schema):
    """A registration as it is shown."""

    id: str
    user_id: str | None
    device_id: str | None
    provider: ProviderName
    token: str
    environment: Environment | None
    kind: TokenKind
    attributes: dict[str, Any]
    created: datetime
    refreshed: datetime
    state: RegistrationState
    shared: bool


class RegistrationList(Schema):
    """A part of the registrations. next: the cursor of the next part."""

    items: tuple[Registration, ...]
    next: str | None


class TagList(Schema):
    """The tags of a registration."""

    items: tuple[str, ...]
    next: None = None


class MintedSession(Schema):
    """A session's token, shown only now."""

    token: str
    expires_at: datetime


class Notification(Schema):
    """A notification as it is shown in lists."""

    id: str
    state: NotificationState
    audience: Literal["users", "registrations", "tags", "addresses", "everyone"]
    created: datetime
    started_at: datetime | None
    completed_at: datetime | None


class Counters(Schema):
    """How its deliveries stand."""

    targets: Count
    accepted: Count
    deferred: Count
    rejected: Count
    gone: Count
    expired: Count
    canceled: Count


class NotificationReport(Notification):
    """A notification with what became of it."""

    counters: Counters


class NotificationList(Schema):
    """A part of the notifications, newest first. next: the cursor of the next part."""

    items: tuple[Notification, ...]
    next: str | None


class Delivery(Schema):
    """One delivery. recipient: the position in a list of addresses."""

    registration_id: str | None
    recipient: int | None
    provider: ProviderName | None
    state: DeliveryState
    reason: str | None
    provider_message_id: str | None
    attempts: int
    at: datetime


class DeliveryList(Schema):
    """A part of the deliveries. next: the cursor of the next part."""

    items: tuple[Delivery, ...]
    next: str | None


class FoundProblem(Schema):
    """One thing wrong with a request."""

    path: str
    kind: ProblemKind
    expected: str


class ProblemDocument(Schema):
    """Any error, as RFC 9457 has it."""

    type: str
    title: str
    status: int
    code: str
    detail: str | None = None
    problems: tuple[FoundProblem, ...] = ()
