from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest
from tests.unit.core.stubs import APPLICATION, NOW, client, session

from heliograph.core.errors import InvalidRequest, NotPermitted
from heliograph.core.model.audience import Users
from heliograph.core.model.notification import Content, Options
from heliograph.core.notifications.idempotency import IdempotencyKey
from heliograph.core.notifications.split_sends import Part, accept_parts

if TYPE_CHECKING:
    from heliograph.core.model.audience import Audience

pytestmark = pytest.mark.anyio

GOOD = Part(Users(("ann",)), Content(body="Hi"))
KEY = IdempotencyKey("key", b"h" * 32)


class Accepting:
    """Notes what is accepted, under which key."""

    def __init__(self) -> None:
        self.accepted: list[tuple[Audience, IdempotencyKey | None]] = []

    async def accept(self, *given: Any) -> None:
        _, _, audience, _, _, key = given
        self.accepted.append((audience, key))


async def accept(parts: list[Part], key: IdempotencyKey | None = None, **named: Any) -> Accepting:
    accepting = Accepting()
    principal = named.get("principal", client())
    await accept_parts(
        cast("Any", accepting), principal, APPLICATION, parts, Options(), key, now=NOW
    )
    return accepting


async def test_each_part_has_a_key_of_its_own() -> None:
    other = Part(Users(("bob",)), Content(body="Hallo"))

    accepting = await accept([GOOD, other], KEY)

    assert accepting.accepted == [
        (GOOD.audience, IdempotencyKey("key/0", KEY.body_hash)),
        (other.audience, IdempotencyKey("key/1", KEY.body_hash)),
    ]


async def test_without_a_key_no_part_has_one() -> None:
    accepting = await accept([GOOD])

    assert accepting.accepted == [(GOOD.audience, None)]


async def test_what_is_wrong_with_the_last_stops_the_first() -> None:
    with pytest.raises(InvalidRequest) as refused:
        await accept([GOOD, Part(Users(()), Content())])

    assert [problem.field for problem in refused.value.problems] == ["audience.users", "content"]


async def test_a_device_sends_nothing() -> None:
    with pytest.raises(NotPermitted):
        await accept([GOOD], principal=session())
