"""Nonces, sessions and identities."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from heliograph.dialects.layer.schemas.wire import Body
from heliograph.web.schemas import Schema


class Nonce(Schema):
    """The answer to `POST /nonces`."""

    nonce: str


class SessionBody(Body):
    """The body of `POST /sessions`. identity_token: a JWS in compact form."""

    identity_token: Annotated[str, Field(min_length=1)]
    app_id: Annotated[str, Field(min_length=1)]


class NewSession(Schema):
    """The answer to it; the token is shown only now."""

    session_token: str


class Identity(Schema):
    """Who a user is, as other users see them."""

    id: str
    url: str
    user_id: str
    display_name: str
