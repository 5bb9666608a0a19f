from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest
from tests.unit.core.stubs import APPLICATION, NOW, client, session

from heliograph.core.errors import InvalidRequest, NotPermitted, Problem, ProblemKind
from heliograph.core.ids import Id
from heliograph.core.model.audience import Users
from heliograph.core.model.notification import Content, Notification, NotificationState, Options
from heliograph.core.notifications.checks import problems_of
from heliograph.core.notifications.idempotency import IdempotencyKey
from heliograph.core.notifications.split_sends import Part, accept_parts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from heliograph.core.model.audience import Audience

pytestmark = pytest.mark.anyio

GOOD = Part(Users(("ann",)), Content(body="Hi"))
OTHER = Part(Users(("bob",)), Content(body="Hallo"))
KEY = IdempotencyKey("key", b"h" * 32)
TOO_HEAVY = "too heavy"


def notification(audience: Audience) -> Notification:
    return Notification(
        Id(bytes(16)),
        APPLICATION.id,
        audience,
        Content(body="Hi"),
        Options(),
        NotificationState.RUNNING,
        NOW,
    )


class Accepting:
    """Notes what is accepted, under which key. hidden: keys seen only when they are written to."""

    def __init__(self, hidden: Sequence[str] = ()) -> None:
        self.accepted: list[tuple[Audience, IdempotencyKey | None]] = []
        self.known: dict[str, Notification] = {}
        self._hidden = set(hidden)

    async def accepted_as(self, *given: Any) -> Notification | None:
        key = given[-1].value
        return None if key in self._hidden else self.known.get(key)

    async def find_problems(self, *given: Any) -> Sequence[Problem]:
        _, _, audience, content, options = given
        if content.body == TOO_HEAVY:
            return [Problem(("content",), ProblemKind.TOO_LARGE, "lighter")]
        return problems_of(audience, content, options, now=NOW)

    async def accept(self, *given: Any) -> Notification:
        _, _, audience, content, _, key = given
        if key is not None and key.value in self.known:
            return self.known[key.value]
        if content.body == TOO_HEAVY:
            raise InvalidRequest([Problem(("content",), ProblemKind.TOO_LARGE, "lighter")])
        self.accepted.append((audience, key))
        made = notification(audience)
        if key is not None:
            self.known[key.value] = made
        return made


async def accept(parts: list[Part], key: IdempotencyKey | None = None, **named: Any) -> Accepting:
    accepting = named.get("accepting") or Accepting()
    principal = named.get("principal", client())
    await accept_parts(cast("Any", accepting), principal, APPLICATION, parts, Options(), key)
    return accepting


async def test_each_part_has_a_key_of_its_own() -> None:
    accepting = await accept([GOOD, OTHER], KEY)

    assert accepting.accepted == [
        (GOOD.audience, IdempotencyKey("key/0", KEY.body_hash)),
        (OTHER.audience, IdempotencyKey("key/1", KEY.body_hash)),
    ]


async def test_without_a_key_no_part_has_one() -> None:
    accepting = await accept([GOOD])

    assert accepting.accepted == [(GOOD.audience, None)]


async def test_what_is_wrong_with_the_last_stops_the_first() -> None:
    with pytest.raises(InvalidRequest) as refused:
        await accept([GOOD, Part(Users(()), Content())])

    assert [problem.field for problem in refused.value.problems] == ["audience.users", "content"]


@pytest.mark.parametrize("key", [None, KEY])
async def test_a_last_part_that_no_provider_takes_stops_the_first(
    key: IdempotencyKey | None,
) -> None:
    accepting = Accepting()

    with pytest.raises(InvalidRequest):
        await accept(
            [GOOD, Part(Users(("bob",)), Content(body=TOO_HEAVY))], key, accepting=accepting
        )

    assert accepting.accepted == []


@pytest.mark.parametrize("hidden", [(), ("key/0",)])
async def test_who_is_told_otherwise_by_now_is_not_told_again(hidden: Sequence[str]) -> None:
    accepting = Accepting(hidden)
    together = Part(Users(("ann", "bob")), Content(body="Hi"))
    await accept([together], KEY, accepting=accepting)

    await accept([GOOD, OTHER], KEY, accepting=accepting)

    assert [audience for audience, _ in accepting.accepted] == [together.audience]


@pytest.mark.parametrize("hidden", [(), ("key/0",)])
async def test_who_is_told_alike_by_now_is_told_what_is_still_to_be_said(
    hidden: Sequence[str],
) -> None:
    accepting = Accepting(hidden)
    await accept([GOOD], KEY, accepting=accepting)

    await accept([Part(Users(("ann", "bob")), Content(body="Hi"))], KEY, accepting=accepting)

    assert accepting.accepted == [
        (GOOD.audience, IdempotencyKey("key/0", KEY.body_hash)),
        (Users(("bob",)), IdempotencyKey("key/1", KEY.body_hash)),
    ]


async def test_a_device_sends_nothing() -> None:
    with pytest.raises(NotPermitted):
        await accept([GOOD], principal=session())
