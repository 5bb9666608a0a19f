"""The token endpoint's form and answer. Source: RFC 6749 sections 4.4 and 5.1."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from heliograph.web.schemas import Schema

MAX_SCOPE_CHARS = 4096


class TokenForm(Schema):
    """The form of `POST /{runtime}/api/az/v1/token`."""

    model_config = ConfigDict(extra="ignore")

    grant_type: Literal["client_credentials"]
    scope: Annotated[str, Field(max_length=MAX_SCOPE_CHARS)] = ""


class AccessToken(Schema):
    """The answer: a token for the scope that was granted."""

    access_token: str
    token_type: str
    expires_in: int
    scope: str
