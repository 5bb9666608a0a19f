"""A case finds nothing of the cases before it, in whatever order they are played."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.conformance.runner import Case, load_cases, play

from heliograph.web.server import Guard
from heliograph.wiring import DIALECTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conformance.conftest import Premises

    from heliograph.web.dialect import Dialect

pytestmark = pytest.mark.anyio

ENOUGH = 2


def writing_cases(dialect: str) -> Iterator[Case]:
    for case in load_cases():
        writes = case.document["request"]["method"] != "GET" or "given" in case.document
        is_well = case.document["expect"]["status"] < 300 and "raised" not in case.document
        if case.dialect == dialect and writes and is_well:
            yield case


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
async def test_what_a_case_wrote_is_gone_before_the_next(
    premises: Premises, dialect: Dialect
) -> None:
    before = list(premises.live.iterdump())
    wrote = 0

    for case in writing_cases(dialect.name):
        stack = premises.stack()
        await play(Guard(stack.application), case, premises.variables)
        await stack.stop()
        wrote += list(premises.live.iterdump()) != before
        premises.restore()
        assert list(premises.live.iterdump()) == before
        if wrote == ENOUGH:
            return

    pytest.fail("nothing was written")


async def test_a_new_server_reads_what_was_put_back(premises: Premises) -> None:
    stack = premises.stack()
    account = await stack.core.applications.account()
    written = await stack.core.applications.create(account.id, "a new one")

    assert written in await premises.stack().core.applications.all_of(account.id)
    premises.restore()

    assert written not in await premises.stack().core.applications.all_of(account.id)
