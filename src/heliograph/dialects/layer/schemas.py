"""Layer's bodies, in Layer's spelling."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, ConfigDict

from heliograph.web.schemas import Label, Schema, Token


def _none_for_empty(value: object) -> object:
    return None if value == "" else value


OptionalLabel = Annotated[Label | None, BeforeValidator(_none_for_empty)]
"""A label, or nothing: absent, null, or the empty text of a client that has none to give."""


class PushToken(Schema):
    """The body of `POST /push_tokens`.

    The order of the fields is the order in which missing ones are named.
    Unknown fields are ignored: newer clients send more than older pages list.
    """

    model_config = ConfigDict(extra="ignore")

    token: Token
    type: Literal["apns", "gcm"]
    device_id: Label
    apns_bundle_id: OptionalLabel = None
    gcm_sender_id: OptionalLabel = None
    ios_version: OptionalLabel = None


class Nonce(Schema):
    """The answer to `POST /nonces`."""

    nonce: str
