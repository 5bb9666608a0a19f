"""Issuers whose signed tokens an application believes.

Source: docs/dialects/native.md.
"""

from __future__ import annotations

from datetime import datetime

from heliograph.core.model.identity import SessionForm
from heliograph.core.model.issuer import KeyAlgorithm
from heliograph.web.schemas import Choice, Items, Schema, Text


class Key(Schema):
    """A public key. public_key: PEM."""

    key_id: str
    algorithm: Choice[KeyAlgorithm]
    public_key: Text


class IssuerBody(Schema):
    """POST …/issuers, PUT …/issuers/{id}. issuer: what its tokens say in `iss`."""

    issuer: str
    form: Choice[SessionForm] = SessionForm.NATIVE
    audience: str | None = None
    keys: Items[Key] = ()
    jwks_url: str | None = None


class Issuer(Schema):
    """An issuer."""

    id: str
    issuer: str
    form: Choice[SessionForm]
    audience: str | None
    keys: Items[Key]
    jwks_url: str | None
    created_at: datetime


class IssuerList(Schema):
    """All issuers of an application, by age."""

    items: Items[Issuer]
