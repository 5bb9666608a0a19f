"""Audiences.

Source: docs/dialects/native.md.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Self

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from heliograph.core.errors import NotFound, ProblemKind
from heliograph.core.ids import parse
from heliograph.core.model.audience import AddressForm
from heliograph.core.model.registration import ProviderName, TokenKind
from heliograph.core.notifications.checks import MAX_LISTED
from heliograph.web.schemas import Choice, Items, Label, Schema, Text, Token, custom_error


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


class AddressBody(Schema):
    """A bare provider token, registered or not; or one of the provider's own groups."""

    provider: Choice[ProviderName]
    token: Token
    form: Choice[AddressForm] = AddressForm.TOKEN


class RecipientBody(Schema):
    """A user, with the values for the content's places."""

    user_id: Label
    variables: dict[Text, Text] = Field(default_factory=dict)


class AudienceBody(Schema):
    """Who it is for: exactly one of these."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1, "maxProperties": 1})

    FORMS: ClassVar = ("users", "registrations", "tags", "addresses", "recipients", "everyone")

    users: Annotated[Items[Label], Field(max_length=MAX_LISTED)] | None = None
    registrations: Annotated[Items[RegistrationId], Field(max_length=MAX_LISTED)] | None = None
    tags: Annotated[Items[Label], Field(max_length=MAX_LISTED)] | None = None
    addresses: Annotated[Items[AddressBody], Field(max_length=MAX_LISTED)] | None = None
    recipients: Annotated[Items[RecipientBody], Field(max_length=MAX_LISTED)] | None = None
    everyone: Annotated[bool, AfterValidator(_only_true)] | None = None

    @property
    def has_places(self) -> bool:
        """Whether the content's texts are templates, which each recipient's variables fill in."""
        return self.recipients is not None

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if sum(getattr(self, form) is not None for form in self.FORMS) != 1:
            expected = f"an object with exactly one of {', '.join(self.FORMS)}"
            raise custom_error(ProblemKind.NOT_ALLOWED, expected)
        return self


class CountBody(Schema):
    """POST …/audience/count."""

    audience: AudienceBody


class Reached(Schema):
    """How many of one provider and kind. kind: null for bare addresses."""

    provider: ProviderName
    kind: TokenKind | None
    count: int


class Reach(Schema):
    """Whom an audience reaches now.

    is_exact: false where the registry is too large to count: then `count` and
    `total` are lower bounds, and `estimate` is what they come to for all of it.
    """

    total: int
    is_exact: bool
    estimate: int
    items: tuple[Reached, ...]
