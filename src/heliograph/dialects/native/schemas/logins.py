"""Logins.

Source: docs/dialects/native.md.
"""

from __future__ import annotations

from datetime import datetime

from heliograph.core.model.identity import SessionForm
from heliograph.web.schemas import Choice, Items, Label, Schema, Text


class LoginBody(Schema):
    """POST …/logins."""

    user_id: Label
    form: Choice[SessionForm]
    login: Label
    password: Text


class LoginChanges(Schema):
    """PATCH …/logins/{id}. What is absent stays as it is."""

    login: Label | None = None
    password: Text | None = None


class Login(Schema):
    """A login, without its password: nobody can read that."""

    id: str
    user_id: str
    form: SessionForm
    login: str
    created: datetime
    updated: datetime


class LoginList(Schema):
    """A part of a list of logins."""

    items: Items[Login]
    next: str | None
