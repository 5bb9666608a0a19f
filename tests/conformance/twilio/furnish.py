"""What Twilio's cases may name: callers, Apps, users, and another account's things."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from heliograph.core.ids import new_id, spell
from heliograph.core.model.application import Account
from heliograph.core.model.identity import Scope
from heliograph.dialects.twilio import mapping

if TYPE_CHECKING:
    from heliograph.core.model.application import Application
    from heliograph.core.model.identity import ApiClient
    from heliograph.wiring import Stack


async def furnish_twilio(
    stack: Stack, application: Application, other: Application
) -> dict[str, str]:
    """Name the applications `demo_app` and `other_app`; a third has no name."""
    core, account_id = stack.core, application.account_id
    sid = mapping.account_sid(account_id)
    client, key = await core.applications.create_client(account_id, "comms")
    reader, read_key = await core.applications.create_client(
        account_id, "comms reader", scopes=frozenset({Scope.REGISTRATIONS_READ})
    )
    _, write_key = await core.applications.create_client(
        account_id, "comms writer", scopes=frozenset({Scope.REGISTRATIONS_WRITE})
    )
    _, bound_key = await core.applications.create_client(
        account_id, "comms of one", application_id=other.id
    )
    await core.aliases.set(mapping.APP_ALIAS, account_id, application.id, "demo_app")
    await core.aliases.set(mapping.APP_ALIAS, account_id, other.id, "other_app")
    nameless = await core.applications.create(account_id, "nameless")
    ann = await core.identity.create_user(application, "ann")
    (member,) = await core.identity.members_of(account_id, ann.id)
    hidden = await core.identity.create_user(nameless, "hidden")
    (hidden_member,) = await core.identity.members_of(account_id, hidden.id)
    foreign, foreign_key = await _foreign_client(stack)
    foreign_app = await core.applications.create(foreign.account_id, "foreign")
    await core.aliases.set(mapping.APP_ALIAS, foreign.account_id, foreign_app.id, "foreign_app")
    foreign_user = await core.identity.create_user(foreign_app, None)
    return {
        "comms": basic(sid, key),
        "comms_key": basic(mapping.key_sid(client.id), key),
        "comms_reader": basic(sid, read_key),
        "comms_writer": basic(sid, write_key),
        "comms_bound": basic(sid, bound_key),
        "comms_foreign": basic(mapping.account_sid(foreign.account_id), foreign_key),
        "comms_wrong_key": basic(sid, "hgk_wrong"),
        "comms_other_account": basic(mapping.account_sid(foreign.account_id), key),
        "comms_other_key": basic(mapping.key_sid(reader.id), key),
        "comms_plain": f"{sid}:{key}",
        "comms_bearer": f"Bearer {key}",
        "nameless_app": spell("application", nameless.id),
        "ann": mapping.spell_user(ann.id),
        "ann_set": mapping.spell_member(member.id),
        "hidden": mapping.spell_user(hidden.id),
        "hidden_set": mapping.spell_member(hidden_member.id),
        "foreign_user": mapping.spell_user(foreign_user.id),
    }


def basic(user_name: str, password: str) -> str:
    """Spell the header of HTTP Basic."""
    return "Basic " + base64.b64encode(f"{user_name}:{password}".encode()).decode()


async def _foreign_client(stack: Stack) -> tuple[ApiClient, str]:
    now = stack.core.clock.now()
    account = Account(new_id(now), "foreign", now)
    await stack.store.identity.add_account(account)
    return await stack.core.applications.create_client(account.id, "foreign")
