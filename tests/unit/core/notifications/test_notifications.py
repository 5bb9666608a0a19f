from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from tests.unit.core.stubs import APPLICATION, NOW, ListedNotifications, client, session

from heliograph.core.errors import InvalidRequest, NotFound, NotPermitted, ProblemKind
from heliograph.core.ids import delivery_uuid, new_id
from heliograph.core.model.audience import (
    Address,
    Addresses,
    Everyone,
    Registrations,
    Tags,
    Users,
)
from heliograph.core.model.delivery import Cursor, Delivery, DeliveryState
from heliograph.core.model.identity import Scope
from heliograph.core.model.notification import (
    MAX_TTL_S,
    Content,
    Counters,
    NotificationState,
    Options,
)
from heliograph.core.model.registration import ProviderName
from heliograph.core.notifications.checks import MAX_LISTED
from heliograph.core.notifications.notifications import Notifications

if TYPE_CHECKING:
    from tests.conftest import FakeClock

    from heliograph.core.model.audience import Audience
    from heliograph.core.model.notification import Notification

pytestmark = pytest.mark.anyio

HELLO = Content(body="hello")
IDS = tuple(new_id(NOW) for _ in range(2))
ADDRESS = Address(ProviderName.FCM, "T")


class Bell:
    """Counts how often it was rung."""

    rung = 0

    def ring(self) -> None:
        self.rung += 1


@pytest.fixture
def store() -> ListedNotifications:
    return ListedNotifications()


@pytest.fixture
def bell() -> Bell:
    return Bell()


@pytest.fixture
def notifications(store: ListedNotifications, clock: FakeClock, bell: Bell) -> Notifications:
    return Notifications(store, clock, bell.ring)


async def accept(
    notifications: Notifications,
    audience: Audience | None = None,
    content: Content = HELLO,
    **options: Any,
) -> Notification:
    return await notifications.accept(
        client(), APPLICATION, audience or Everyone(), content, Options(**options)
    )


async def problems_of(
    notifications: Notifications, *given: Any, **options: Any
) -> dict[str, ProblemKind]:
    with pytest.raises(InvalidRequest) as caught:
        await accept(notifications, *given, **options)
    return {problem.field: problem.kind for problem in caught.value.problems}


async def test_an_accepted_notification_is_stored_and_the_engine_woken(
    notifications: Notifications, store: ListedNotifications, bell: Bell, clock: FakeClock
) -> None:
    accepted = await accept(notifications, ttl_s=60)

    assert store.accepted == [accepted]
    assert bell.rung == 1
    assert accepted.state is NotificationState.RUNNING
    assert accepted.created == accepted.started_at == clock.now()
    assert accepted.expires_at == clock.now() + timedelta(minutes=1)


async def test_only_who_may_send_sends(notifications: Notifications, bell: Bell) -> None:
    reader = client(scopes=frozenset({Scope.NOTIFICATIONS_READ}))

    for caller in (reader, session()):
        with pytest.raises(NotPermitted):
            await notifications.accept(caller, APPLICATION, Everyone(), HELLO, Options())

    assert bell.rung == 0


@pytest.mark.parametrize(
    ("audience", "once"),
    [
        (Everyone(), Everyone()),
        (Users(("b", "a", "b")), Users(("b", "a"))),
        (Tags(("b", "a", "b")), Tags(("b", "a"))),
        (Registrations((*IDS, IDS[0])), Registrations(IDS)),
        (Addresses((ADDRESS, ADDRESS)), Addresses((ADDRESS,))),
    ],
    ids=lambda audience: type(audience).__name__,
)
async def test_whoever_is_named_twice_is_named_once(
    notifications: Notifications, audience: Audience, once: Audience
) -> None:
    accepted = await accept(notifications, audience)

    assert accepted.audience == once


async def test_the_same_token_of_two_providers_is_two_addresses(
    notifications: Notifications,
) -> None:
    both = Addresses((ADDRESS, Address(ProviderName.APNS, "T")))

    accepted = await accept(notifications, both)

    assert accepted.audience == both


@pytest.mark.parametrize(
    ("audience", "field"),
    [
        (Users(()), "audience.users"),
        (Tags(()), "audience.tags"),
        (Registrations(()), "audience.registrations"),
        (Addresses(()), "audience.addresses"),
    ],
)
async def test_an_audience_names_somebody(
    notifications: Notifications, audience: Audience, field: str
) -> None:
    assert await problems_of(notifications, audience) == {field: ProblemKind.TOO_SHORT}


async def test_an_audience_names_ten_thousand_and_no_more(notifications: Notifications) -> None:
    many = tuple(map(str, range(MAX_LISTED)))

    await accept(notifications, Users(many))

    found = await problems_of(notifications, Users((*many, "one more")))
    assert found == {"audience.users": ProblemKind.TOO_MANY}


@pytest.mark.parametrize(
    ("audience", "field"),
    [
        (Users(("ann", "a\0b")), "audience.users.1"),
        (Tags(("\ud800",)), "audience.tags.0"),
        (Addresses((ADDRESS, Address(ProviderName.FCM, "a\nb"))), "audience.addresses.1.token"),
    ],
)
async def test_a_name_or_token_that_cannot_be_is_refused_at_its_place(
    notifications: Notifications, audience: Audience, field: str
) -> None:
    assert await problems_of(notifications, audience) == {field: ProblemKind.MALFORMED}


@pytest.mark.parametrize(
    "content",
    [
        Content(title=""),
        Content(body=""),
        Content(sound="default"),
        Content(badge=0),
        Content(data={"a": 1}),
    ],
)
async def test_any_one_part_is_content_enough(
    notifications: Notifications, content: Content
) -> None:
    assert (await accept(notifications, content=content)).content is content


async def test_every_problem_is_named_at_once(notifications: Notifications) -> None:
    found = await problems_of(
        notifications, Users(()), Content(), ttl_s=MAX_TTL_S + 1, collapse_key="x" * 65
    )

    assert found == {
        "audience.users": ProblemKind.TOO_SHORT,
        "content": ProblemKind.MISSING,
        "options.ttl_s": ProblemKind.NOT_ALLOWED,
        "options.collapse_key": ProblemKind.TOO_LONG,
    }


@pytest.mark.parametrize("ttl_s", [0, MAX_TTL_S])
async def test_the_shortest_and_the_longest_time_to_live_are_taken(
    notifications: Notifications, ttl_s: int
) -> None:
    assert (await accept(notifications, ttl_s=ttl_s)).options.ttl_s == ttl_s


@pytest.mark.parametrize("key", ["x" * 64, "ü" * 32])
async def test_a_collapse_key_is_measured_in_bytes(notifications: Notifications, key: str) -> None:
    assert (await accept(notifications, collapse_key=key)).options.collapse_key == key

    longer = await problems_of(notifications, collapse_key=key + "x")
    assert longer == {"options.collapse_key": ProblemKind.TOO_LONG}


@pytest.mark.parametrize(
    ("key", "kind"), [("", ProblemKind.TOO_LONG), ("\ud800", ProblemKind.MALFORMED)]
)
async def test_a_collapse_key_that_cannot_be_is_refused(
    notifications: Notifications, key: str, kind: ProblemKind
) -> None:
    found = await problems_of(notifications, collapse_key=key)

    assert found == {"options.collapse_key": kind}


async def test_a_report_has_the_counters(
    notifications: Notifications, store: ListedNotifications
) -> None:
    accepted = await accept(notifications)
    store.answers |= {"notification": accepted, "counters": Counters(accepted=2, deferred=1)}

    report = await notifications.report(client(), APPLICATION, accepted.id)

    assert report.notification is accepted
    assert report.counters.targets == 3


async def test_an_unknown_notification_is_not_found(notifications: Notifications) -> None:
    with pytest.raises(NotFound):
        await notifications.report(client(), APPLICATION, IDS[0])
    with pytest.raises(NotFound):
        await notifications.deliveries(client(), APPLICATION, IDS[0], after=None, limit=1)


async def test_notifications_are_read_page_by_page(
    notifications: Notifications, clock: FakeClock
) -> None:
    made = []
    for _ in range(3):
        made.append((await accept(notifications)).id)
        clock.advance(1)

    first, after = await notifications.recent(client(), APPLICATION, before=None, limit=2)
    second, end = await notifications.recent(client(), APPLICATION, before=after, limit=2)

    assert [each.id for each in (*first, *second)] == made[::-1]
    assert (len(first), end) == (2, None)


def delivery(target: bytes, **fields: Any) -> Delivery:
    given: dict[str, Any] = {
        "notification_id": IDS[0],
        "target_id": target,
        "bucket": target[0],
        "recipient": 0,
        "state": DeliveryState.ACCEPTED,
        "provider": ProviderName.FCM,
        "attempts": 1,
        "at": NOW,
        "is_registered": True,
        "provider_message_id": "theirs",
    }
    return Delivery(**given | fields)


async def test_deliveries_say_where_the_next_part_begins(
    notifications: Notifications, store: ListedNotifications
) -> None:
    rows = [delivery(bytes([number]) * 16) for number in range(3)]
    store.answers |= {"notification": await accept(notifications), "deliveries": rows}

    part = await notifications.deliveries(client(), APPLICATION, IDS[0], after=None, limit=2)
    whole = await notifications.deliveries(client(), APPLICATION, IDS[0], after=None, limit=3)

    assert (part.items, part.next_after) == (rows[:2], Cursor(1, 0, b"\1" * 16))
    assert (whole.items, whole.next_after) == (rows, None)


def test_apns_knows_a_message_under_our_id_and_others_under_theirs() -> None:
    target = b"\1" * 16
    ours = delivery(target, provider=ProviderName.APNS, provider_message_id=None)
    never_sent = delivery(target, provider=ProviderName.APNS, attempts=0, provider_message_id=None)

    assert ours.message_id == delivery_uuid(IDS[0], target)
    assert delivery(target).message_id == "theirs"
    assert never_sent.message_id is None
