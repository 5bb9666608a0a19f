"""Members of FCM's topics.

Source: docs/dialects/native.md, "Topics".
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from heliograph.core.errors import ProblemKind
from heliograph.core.registrations.topic_subscriptions import MAX_MEMBERS
from heliograph.dialects.native.schemas.audiences import RegistrationId
from heliograph.web.schemas import Items, Schema, Token, custom_error

Count = Annotated[int, Field(ge=0)]


class TopicMembers(Schema):
    """Who joins or leaves a topic: registrations, bare tokens, or both; 1 to 1,000 in all."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    registrations: Annotated[Items[RegistrationId], Field(max_length=MAX_MEMBERS)] = ()
    tokens: Annotated[Items[Token], Field(max_length=MAX_MEMBERS)] = ()

    @model_validator(mode="after")
    def _are_some(self) -> Self:
        count = len(self.registrations) + len(self.tokens)
        if not count:
            raise custom_error(ProblemKind.MISSING, "an object with registrations or tokens")
        if count > MAX_MEMBERS:
            expected = f"at most {MAX_MEMBERS} registrations and tokens"
            raise custom_error(ProblemKind.TOO_MANY, expected)
        return self


class TopicMember(Schema):
    """What became of one member. reason: FCM's own word, where it did not simply work."""

    registration_id: str | None
    token: str | None
    state: Literal["accepted", "deferred", "rejected", "gone", "misconfigured"]
    reason: str | None
    retry_after_s: Count | None


class TopicReport(Schema):
    """What became of all members, in the order in which they were named."""

    items: tuple[TopicMember, ...]
    accepted: Count
    failed: Count
