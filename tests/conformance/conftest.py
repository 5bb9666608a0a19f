"""A server for one case: an application, keys and sessions, and a neighbour to keep out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from tests.conformance.mobilefirst.furnish import furnish_mobilefirst
from tests.conformance.twilio.furnish import furnish_twilio

from heliograph.core.ids import spell
from heliograph.core.model.identity import Scope, SessionForm
from heliograph.wiring import DIALECTS, Stack

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from heliograph.config import Config


@dataclass(frozen=True, slots=True)
class Site:
    """A server, and the variables that cases may name."""

    stack: Stack
    config: Config
    variables: dict[str, str] = field(default_factory=dict)


@pytest.fixture
async def site(config: Config) -> AsyncIterator[Site]:
    listener = replace_model(config.listener, public_url="https://push.test")
    stack = await Stack.open(replace_model(config, listener=listener), dialects=DIALECTS)
    try:
        yield Site(stack, stack.config, await _furnish(stack))
    finally:
        await stack.stop()


def replace_model(model, **changes):
    """Copy a frozen section of the settings with other values."""
    return model.model_copy(update=changes)


async def _furnish(stack: Stack) -> dict[str, str]:
    core = stack.core
    account = await core.applications.account()
    application = await core.applications.create(account.id, "demo")
    other = await core.applications.create(account.id, "other")
    _, api_key = await core.applications.create_client(account.id, "back end")
    _, read_key = await core.applications.create_client(
        account.id, "reader", scopes=frozenset({Scope.REGISTRATIONS_READ})
    )
    _, other_key = await core.applications.create_client(
        account.id, "neighbour", application_id=other.id
    )
    _, session = await core.identity.create_session(application, "ann", SessionForm.NATIVE, None)
    _, layer_session = await core.identity.create_session(
        application, "ann", SessionForm.LAYER, None
    )
    _, navixy_hash = await core.identity.create_session(
        application, "ann", SessionForm.NAVIXY, None
    )
    _, discord_session = await core.identity.create_session(
        application, "ann", SessionForm.DISCORD, None
    )
    _, discord_session_of_bob = await core.identity.create_session(
        application, "bob", SessionForm.DISCORD, None
    )
    return {
        "app": spell("application", application.id),
        "other_app": spell("application", other.id),
        "api_key": api_key,
        "read_key": read_key,
        "other_key": other_key,
        "session": session,
        "layer_session": layer_session,
        "discord_session": discord_session,
        "discord_session_of_bob": discord_session_of_bob,
        "navixy_hash": navixy_hash,
        **await furnish_twilio(stack, application, other),
        **await furnish_mobilefirst(stack, application, other),
    }
