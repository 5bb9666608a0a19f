"""Who wants to be left alone is sent to when that ends."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from tests.unit.delivery.scripted import APPLICATION, NOW, notification, target
from tests.unit.delivery.stage import until

from heliograph.core.model.audience import Registrations
from heliograph.core.model.delivery import DeliveryState, Page, Resting
from heliograph.core.model.listing import RegistrationFilter
from heliograph.core.model.notification import Counters, Options
from heliograph.core.model.registration import Changes, TokenKind
from heliograph.delivery.resting import without_resting

if TYPE_CHECKING:
    from tests.unit.delivery.stage import Stage

pytestmark = pytest.mark.anyio

HOUR = timedelta(hours=1)
QUIET = '{"quiet_hours":"22:00-07:00","time_zone":"UTC"}'
BY_DAY = '{"quiet_hours":"12:00-14:00","time_zone":"UTC"}'
UNREADABLE = '{"quiet_hours":"at night","time_zone":"UTC"}'


def test_only_whose_hours_are_quiet_now_is_set_apart() -> None:
    targets = [
        target(name, attributes=said)
        for name, said in zip("abcd", ("", QUIET, BY_DAY, UNREADABLE), strict=True)
    ]
    page = Page(targets, None)

    parted = without_resting(page, notification(options=Options()), NOW)

    assert parted.targets == [targets[0], targets[2], targets[3]]
    assert parted.resting == [Resting(targets[1], NOW + 7 * HOUR)]


def test_who_rests_longer_than_the_notification_lives_is_not_waited_for() -> None:
    page = Page([target(attributes=QUIET)], None)

    parted = without_resting(page, notification(options=Options(ttl_s=7 * 3600)), NOW)

    assert [each.due for each in parted.resting] == [None]


@pytest.mark.parametrize(
    "options",
    [
        Options(ignores_quiet_hours=True),
        Options(kind=TokenKind.VOIP),
        Options(kind=TokenKind.LIVE_ACTIVITY),
    ],
    ids=["ignoring", "voip", "live_activity"],
)
def test_some_notifications_wait_for_nobody(options: Options) -> None:
    page = Page([target(attributes=QUIET)], None)

    assert without_resting(page, notification(options=options), NOW) is page


def test_a_page_without_quiet_hours_stays_as_it_is() -> None:
    page = Page([target("a"), target("b", attributes='{"time_zone":"UTC"}')], None)

    assert without_resting(page, notification(options=Options()), NOW) is page


async def put_to_rest(stage: Stage, token: str) -> bytes:
    """Give one phone quiet hours; answers its registration's id."""
    rows = await stage.store.registry.find(
        APPLICATION.id, RegistrationFilter(), after=None, limit=9
    )
    [row] = [row for row in rows if row.token == token]
    attributes = {"quiet_hours": "22:00-07:00", "time_zone": "UTC"}
    changes = Changes(attributes=attributes)
    await stage.store.registry.change(APPLICATION.id, row.id, changes, now=stage.clock.now())
    return row.id


async def test_it_is_sent_once_the_quiet_hours_end(stage: Stage) -> None:
    tokens = await stage.phones(3)
    await put_to_rest(stage, tokens[1])
    broadcast = await stage.notify()

    async with stage.working() as queue, stage.sweeping(queue):
        await until(lambda: _targets(stage, broadcast, 3))
        assert await stage.counters(broadcast) == Counters(accepted=2, deferred=1)
        [waiting] = [
            each
            for each in await stage.deliveries(broadcast)
            if each.state is DeliveryState.DEFERRED
        ]
        assert (waiting.reason, waiting.attempts) == ("quiet hours", 0)
        assert stage.received_once([tokens[0], tokens[2]])

        stage.clock.advance(7 * 3600 + 1)

        assert await stage.completes(broadcast) == Counters(accepted=3)
    assert stage.received_once(tokens)


async def test_of_a_short_life_it_expires_at_once(stage: Stage) -> None:
    [token] = await stage.phones(1)
    phone = await put_to_rest(stage, token)
    code = await stage.notify(Registrations((phone,)), ttl_s=300)
    urgent = await stage.notify(Registrations((phone,)), ttl_s=300, ignores_quiet_hours=True)

    async with stage.working():
        assert await stage.completes(code) == Counters(expired=1)
        assert await stage.completes(urgent) == Counters(accepted=1)

    [given_up] = await stage.deliveries(code)
    assert given_up.reason == "quiet hours"


async def _targets(stage: Stage, broadcast, count: int) -> bool:
    return (await stage.counters(broadcast)).targets == count
