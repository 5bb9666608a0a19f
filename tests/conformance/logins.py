"""Logins of two users, and what signing in by them opens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heliograph.core.ids import spell
from heliograph.core.model.identity import ClientPrincipal, SessionForm, SessionPrincipal

if TYPE_CHECKING:
    from heliograph.core.model.application import Application
    from heliograph.wiring import Stack

PASSWORD = "correct horse battery"


async def furnish_logins(stack: Stack, application: Application) -> dict[str, str]:
    """Make logins for ann and bob, and a key and a delivery session of ann's in Navixy's form."""
    core = stack.core
    client, _ = await core.applications.create_client(application.account_id, "furnisher")
    back_end = ClientPrincipal(client)
    known = {"password": PASSWORD}
    for user in ("ann", "bob"):
        for form in (SessionForm.DISCORD, SessionForm.NAVIXY):
            name = f"{user}@{form}.example"
            login = await core.logins.create(back_end, application, form, name, PASSWORD, user)
            known[f"{form}_login_of_{user}"] = spell("login", login.id)
    session, _ = await core.identity.create_session(application, "ann", SessionForm.NAVIXY, None)
    ann = SessionPrincipal(session)
    _, known["navixy_key"] = await core.sessions.create_key(ann, application, "furnished")
    _, known["navixy_guest"] = await core.sessions.create_guest(ann, application)
    return known
