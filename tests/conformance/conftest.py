"""A server for one case: an application, keys and sessions, and a neighbour to keep out."""

from __future__ import annotations

import asyncio
import re
import shutil
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from tests.conformance.mobilefirst.furnish import furnish_mobilefirst
from tests.conformance.twilio.furnish import furnish_twilio

from heliograph.config import Config
from heliograph.core.clock import SystemClock
from heliograph.core.ids import spell
from heliograph.core.model.identity import Scope, SessionForm
from heliograph.wiring import DIALECTS, Stack

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from datetime import datetime
    from pathlib import Path

_CASE = re.compile(r"conformance/test_cases\.py::test_case\[(?P<dialect>\w+)/")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many cases of each dialect passed in this run."""
    found = [_CASE.search(report.nodeid) for report in terminalreporter.getreports("passed")]
    counts = Counter(case["dialect"] for case in found if case is not None)
    if counts:
        line = ", ".join(f"{dialect} {count}" for dialect, count in sorted(counts.items()))
        terminalreporter.write_line(f"conformance cases passed: {line}")


@dataclass(frozen=True, slots=True)
class Site:
    """A server, and the variables that cases may name."""

    stack: Stack
    config: Config
    variables: dict[str, str] = field(default_factory=dict)


class TickingClock(SystemClock):
    """The real time, but no millisecond twice: lists by age are in one order."""

    def __init__(self) -> None:
        self._last = super().now()

    def now(self) -> datetime:
        self._last = max(super().now(), self._last + timedelta(milliseconds=1))
        return self._last


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty database of the newest revision, for every case to copy."""
    folder = tmp_path_factory.mktemp("migrated")

    async def migrate() -> None:
        await (await Stack.open(Config(data=folder))).stop()

    asyncio.run(migrate())
    return folder


@pytest.fixture
async def site(config: Config, migrated: Path) -> AsyncIterator[Site]:
    shutil.copytree(migrated, config.data)
    listener = replace_model(config.listener, public_url="https://push.test")
    stack = await Stack.open(
        replace_model(config, listener=listener), dialects=DIALECTS, clock=TickingClock()
    )
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
