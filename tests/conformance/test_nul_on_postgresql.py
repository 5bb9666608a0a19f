"""A NUL in a path or a query: PostgreSQL can't even look for it, so nothing may ask it to."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from tests.asgi_client import call
from tests.conformance.conftest import TickingClock, furnished, replace_model
from tests.conformance.runner import filled, load_cases

from heliograph.config import Config, Storage
from heliograph.web.door import doors_of
from heliograph.web.router import Match, build_table, is_parameter, segments_of
from heliograph.web.server import Guard
from heliograph.wiring import DIALECTS, Stack

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

pytestmark = pytest.mark.anyio

NUL = "%00"
NUL_INSIDE = [f"AAAA._____w.{'A' * 27}"]
"""A sync token of 2106, in whose first part, once decoded, are only NULs."""
Asked = tuple[str, str, "Mapping[str, str]"]
"""A method, a path with its query, and headers."""


async def test_a_nul_in_a_path_or_a_query_is_no_fault_of_ours(
    tmp_path: Path, postgres_url: str
) -> None:
    config = Config(data=tmp_path, storage=Storage(database_url=postgres_url))
    clock = TickingClock()
    variables = await furnished(config, clock)
    config = replace_model(config, default_application=variables["app"])
    stack = await Stack.open(config, dialects=DIALECTS, clock=clock)
    answers = {}
    try:
        for method, target, headers in hostile_requests(variables):
            answer = await call(Guard(stack.application), method, target, headers=headers)
            answers[method, target] = answer.status
        synchronized = await call(
            Guard(stack.application),
            "PUT",
            "/api/v9/users/@me/devices/sync",
            headers={"Authorization": variables["discord_session"]},
            body=json.dumps(
                {"provider": "gcm", "token": "t", "push_sync_tokens": NUL_INSIDE}
            ).encode(),
        )
    finally:
        await stack.stop()

    assert len(answers) > len(DIALECTS)
    assert synchronized.json() == {"invalid_push_sync_tokens": NUL_INSIDE}
    assert {asked: status for asked, status in answers.items() if status >= 500} == {}


def hostile_requests(variables: Mapping[str, str]) -> Iterator[Asked]:
    """Take each route's first case that succeeds, and put a NUL into each place in turn."""
    table = build_table(doors_of(Config(), DIALECTS))
    seen = set()
    for case in load_cases():
        request = case.document["request"]
        path, _, query = filled(request["path"], variables).partition("?")
        found = table.find(None, request["method"], segments_of(path.encode()) or [])
        if not isinstance(found, Match) or case.document["expect"]["status"] >= 300:
            continue
        headers = filled(request.get("headers", {}), variables)
        parts = path.split("/")
        pattern = found.route.path.split("/")
        for place, part in enumerate(pattern):
            if is_parameter(part) and (found.route.method, found.route.path, part) not in seen:
                seen.add((found.route.method, found.route.path, part))
                changed = [*parts[:place], f"a{NUL}", *parts[place + 1 :]]
                yield request["method"], "/".join(changed), headers
        pairs = [pair for pair in query.split("&") if pair]
        for place, pair in enumerate(pairs):
            name = pair.partition("=")[0]
            if (found.route.method, found.route.path, name) not in seen:
                seen.add((found.route.method, found.route.path, name))
                changed = [*pairs[:place], f"{name}=a{NUL}", *pairs[place + 1 :]]
                yield request["method"], f"{path}?{'&'.join(changed)}", headers
