"""What is asked to be sent, on the wire."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Discriminator, Field, Tag, model_validator
from pydantic.alias_generators import to_camel

from heliograph.core.errors import ProblemKind
from heliograph.dialects.twilio.schemas.wire import (
    AppName,
    CredentialId,
    Provider,
    PushUserId,
    Question,
    Time,
    sized,
)
from heliograph.web.schemas import Items, Text, Token, custom_error

MAX_RECIPIENTS = 10_000
MAX_TAGS = 10
MAX_TAG_KEY_CHARS = 128
MAX_TAG_VALUE_CHARS = 256

BY_CREDENTIALS, BY_APP = "<credentials>", "<app>"
"""Names of the forms of `from`. They stand in the path of a problem, and are left out of it."""

_WORD = r"^[a-zA-Z0-9._~-]+$"
_FORMS = "either token and provider, or userId"
_ADDRESSES = frozenset({"token", "topic", "condition", "fid"})

TagKey = Annotated[str, Field(max_length=MAX_TAG_KEY_CHARS, pattern=_WORD)]
TagValue = Annotated[str, Field(max_length=MAX_TAG_VALUE_CHARS, pattern=_WORD)]


class _Closed(Question):
    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, populate_by_name=False)


class Recipient(Question):
    """Who gets it, in exactly one of two forms; and what fills in the places of the content."""

    token: Token | None = None
    provider: Provider | None = None
    user_id: PushUserId | None = None
    variables: dict[str, str] | None = None

    @model_validator(mode="after")
    def _has_one_form(self) -> Self:
        is_direct = self.token is not None and self.provider is not None
        if is_direct is (self.user_id is not None):
            raise custom_error(ProblemKind.NOT_ALLOWED, _FORMS)
        return self


class Apn(Question):
    """A payload in Apple's words: `aps`, and whatever the app reads beside it."""

    model_config = ConfigDict(extra="allow", alias_generator=to_camel, populate_by_name=False)

    aps: dict[str, Any] | None = None


class FcmMessage(Question):
    """A message in FCM's words. Who gets it is said elsewhere."""

    model_config = ConfigDict(extra="allow", alias_generator=to_camel, populate_by_name=False)

    @model_validator(mode="after")
    def _names_nobody(self) -> Self:
        named = sorted(_ADDRESSES.intersection(self.model_extra or {}))
        if named:
            raise custom_error(ProblemKind.NOT_ALLOWED, f"without {', '.join(named)}")
        return self


class Fcm(Question):
    """What is passed through to FCM."""

    message: FcmMessage


class ProviderPassthrough(_Closed):
    """What each provider's message says in its own words."""

    apn: Apn | None = None
    fcm: Fcm | None = None


class Content(Question):
    """What is shown. Texts may have places to fill in."""

    title: Text | None = None
    body: Text
    provider_passthrough: ProviderPassthrough | None = None


class ByApp(Question):
    """By an App's credentials."""

    app_name: AppName


class ByCredentials(_Closed):
    """By these credentials."""

    fcm: CredentialId | None = None
    apn: CredentialId | None = None


def _form_of(value: object) -> str:
    return BY_APP if isinstance(value, dict) and "appName" in value else BY_CREDENTIALS


From = Annotated[
    Annotated[ByApp, Tag(BY_APP)] | Annotated[ByCredentials, Tag(BY_CREDENTIALS)],
    Discriminator(_form_of),
]


class Schedule(_Closed):
    """When. Of several times the first counts."""

    send_at: Annotated[Items[Time], sized(1), Field(json_schema_extra={"minItems": 1})]


class SendPushNotifications(Question):
    """The body of `POST /v1/PushNotifications`."""

    to: Annotated[
        Items[Recipient],
        sized(1, MAX_RECIPIENTS),
        Field(json_schema_extra={"minItems": 1, "maxItems": MAX_RECIPIENTS}),
    ]
    content: Content
    from_: Annotated[From | None, Field(alias="from")] = None
    priority: Literal["HIGH", "LOW"] = "HIGH"
    sound: Text | None = None
    schedule: Schedule | None = None
    tags: (
        Annotated[
            dict[TagKey, TagValue],
            sized(0, MAX_TAGS),
            Field(json_schema_extra={"maxProperties": MAX_TAGS}),
        ]
        | None
    ) = None
