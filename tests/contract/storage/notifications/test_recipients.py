"""Recipients that are users or addresses: stored, read in whole pages, and reported on."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from heliograph.core.clock import to_ms
from heliograph.core.ids import Id, new_id
from heliograph.core.model.audience import Address, Recipient, Recipients
from heliograph.core.model.delivery import DeliveryRow, Page, PageCommit, Shard
from heliograph.core.model.notification import Content, Notification, NotificationState, Options
from heliograph.core.model.recipient import Place, RecipientFilter, SendFilter, Traces
from heliograph.core.model.registration import Environment, MemberKey, ProviderName
from heliograph.core.stores.applications import SealedCredential
from heliograph.core.turns import Room

if TYPE_CHECKING:
    from tests.contract.storage.world import World

pytestmark = pytest.mark.anyio

APNS, FCM = ProviderName.APNS, ProviderName.FCM
ANY = RecipientFilter(SendFilter())
EACH = {1: 1, 2: 3, 3: 1, 5: 3, 6: 1, 7: 1}


def to(token: str, provider: ProviderName = FCM, **variables: str) -> Recipient:
    return Recipient(address=Address(provider, token), variables=variables)


async def user(world: World, devices: int, **variables: str) -> Recipient:
    """A user with devices."""
    world.clock.advance(0.005)
    made, member = await world.store.identity.ensure_member(
        world.account.id, world.application.id, None, now=world.now
    )
    for number in range(devices):
        owner = MemberKey(made.id, member.member_id)
        await world.register(f"{made.id.hex()}{number}", user=owner, by_user=True, by_token=True)
    return Recipient(user_id=made.id, variables=variables)


async def accept(world: World, *items: Recipient, **options: Any) -> Notification:
    world.clock.advance(0.005)
    state = options.pop("state", NotificationState.RUNNING)
    notification = Notification(
        id=new_id(world.now),
        application_id=world.application.id,
        audience=Recipients.of(items),
        content=Content(body="{{ n }}", is_template=True),
        options=Options(**options),
        state=state,
        created=world.now,
        started_at=world.now if state is NotificationState.RUNNING else None,
    )
    await world.store.notifications.accept(notification)
    return notification


async def claim(world: World) -> Shard:
    [(shard, _)] = await world.store.ledger.claim(
        "w", Room(4, 4, (), None), leased_until=world.now + timedelta(minutes=1), now=world.now
    )
    return shard


async def pages(world: World, notification: Notification, limit: int) -> list[Page]:
    shard, cursor, found = await claim(world), None, []
    while True:
        page = await world.store.ledger.read_page(
            shard, notification, cursor, limit=limit, now=world.now
        )
        found.append(page)
        cursor = page.cursor
        if cursor is None:
            return found


async def record(world: World, notification: Notification, **states: str) -> None:
    """Commit a page in which the targets of some ordinals came to something."""
    shard = await claim(world)
    page = await world.store.ledger.read_page(shard, notification, None, limit=1000, now=world.now)
    left = {name: list(value.split()) for name, value in states.items()}
    rows = [
        DeliveryRow(
            each.bucket, each.recipient, each.id, left[f"r{each.recipient}"].pop(0),
            each.provider.value, each.is_registered, None, None, 1, to_ms(world.now),
        )
        for each in page.targets
    ]  # fmt: skip
    rows += [
        DeliveryRow(
            bucket, ordinal, target_id, "canceled", None, is_registered=True,
            provider_message_id=None, reason=None, attempts=0, at_ms=1,
        )
        for (bucket, ordinal, target_id), *_ in page.dropped
    ]  # fmt: skip
    rows.sort(key=lambda row: row[:3])
    assert await world.store.ledger.commit_page(PageCommit(shard, None, world.now, rows))


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 7, 100])
async def test_a_page_never_ends_between_two_devices_of_one_user(world: World, limit: int) -> None:
    three, none = await user(world, 3, n="a"), await user(world, 0)
    items = [to("t1"), three, to("t2", APNS), none, three, to("t1", n="b"), await user(world, 1)]
    notification = await accept(world, *items)

    found = await pages(world, notification, limit)

    sent = [(target.recipient, target.token) for page in found for target in page.targets]
    assert sorted(ordinal for ordinal, _ in sent) == [1, 2, 2, 2, 3, 5, 5, 5, 6, 7]
    assert len(set(sent)) == len(sent)
    assert [each.place.recipient for page in found for each in page.dropped] == [4]
    if limit >= 4:
        for page in found:
            whole = [target.recipient for target in page.targets]
            assert {o: whole.count(o) for o in whole}.items() <= EACH.items()
    variables = {key: text for page in found for key, text in page.variables.items()}
    assert variables == {2: '{"n":"a"}', 5: '{"n":"a"}', 6: '{"n":"b"}'}


async def test_devices_that_came_after_the_start_are_left_out(world: World) -> None:
    late = await user(world, 1)
    notification = await accept(world, late)
    world.clock.advance(1)
    made = await world.store.identity.member_of_user(
        world.application.id, late.user_id or Id(b""), now=world.now
    )
    await world.register("late", user=made, by_user=True, by_token=True)

    [page] = await pages(world, notification, 10)

    assert len(page.targets) == 1


async def test_ten_thousand_recipients_are_kept_in_their_order(world: World) -> None:
    items = [to(f"t{n % 7}", n=str(n)) for n in range(10_000)]
    notification = await accept(world, *items)

    newest = await world.store.recipients.rows([notification.id], ANY, before=None, limit=3)
    oldest = await world.store.recipients.rows(
        [notification.id], ANY, before=Place(notification.id, 3), limit=10
    )
    stored = await world.store.notifications.notification(world.application.id, notification.id)

    assert [row.place.ordinal for row in newest] == [10_000, 9_999, 9_998]
    assert [row.variables for row in oldest] == [{"n": "1"}, {"n": "0"}]
    assert stored == replace(notification, audience=Recipients((), 10_000))


async def test_what_the_deliveries_say_is_summed_up_by_recipient(world: World) -> None:
    two = await user(world, 2)
    notification = await accept(world, to("a"), two, two, to("b", APNS), await user(world, 0))
    await record(
        world,
        notification,
        r1="accepted",
        r2="rejected accepted",
        r3="gone rejected",
        r4="deferred",
    )

    rows = await world.store.recipients.rows([notification.id], ANY, before=None, limit=10)
    tallies = await world.store.recipients.tallies([notification.id])

    by_ordinal = {row.place.ordinal: row.traces for row in rows}
    assert by_ordinal == {
        1: Traces(is_seen=True, is_accepted=True, is_tried=True),
        2: Traces(is_seen=True, is_accepted=True, is_failed=True, is_tried=True),
        3: Traces(is_seen=True, is_failed=True, is_tried=True),
        4: Traces(is_seen=True, is_waiting=True, is_tried=True),
        5: Traces(is_seen=True),
    }
    assert sum(tallies[notification.id].traces.values()) == 5
    assert tallies[notification.id].last_at == world.now
    assert {row.place.ordinal: sorted(row.providers) for row in rows}[4] == [APNS]


async def test_filters_find_users_and_providers(world: World) -> None:
    ann = await user(world, 1)
    notification = await accept(world, to("a"), ann, to("b", APNS))

    async def found(**wanted: Any) -> list[int]:
        rows = await world.store.recipients.rows(
            [notification.id], RecipientFilter(SendFilter(), **wanted), before=None, limit=10
        )
        return [row.place.ordinal for row in rows]

    assert await found() == [3, 2, 1]
    assert await found(user_id=ann.user_id) == [2]
    assert await found(provider=APNS) == [3, 2]


async def test_sends_are_found_by_marks_times_and_states(world: World) -> None:
    first = await accept(world, to("a"), marks=(("a", "b"), ("k_1", "v~.")))
    second = await accept(world, to("a"), marks=(("a", "bb"),), state=NotificationState.SCHEDULED)
    ids = [world.application.id]

    async def found(**wanted: Any) -> list[Id]:
        rows = await world.store.recipients.sends(ids, SendFilter(**wanted), before=None, limit=10)
        return [row.id for row in rows]

    assert await found() == [second.id, first.id]
    assert await found(marks=(("a", "b"),)) == [first.id]
    assert await found(marks=(("a", "b"), ("k_1", "v~."))) == [first.id]
    assert await found(marks=(("kx1", "v~."),)) == []
    assert await found(marks=(("A", "b"),)) == []
    assert await found(since=second.created) == [second.id]
    assert await found(until=second.created) == [first.id]
    assert await found(states=frozenset({NotificationState.SCHEDULED})) == [second.id]
    assert await found(notification_id=first.id) == [first.id]
    assert await world.store.recipients.sends([], SendFilter(), before=None, limit=1) == []


async def test_an_own_credential_and_a_spare_one_change_places(world: World) -> None:
    store, app = world.store.credentials, world.application.id
    first, second = new_id(world.now), new_id(world.now + timedelta(seconds=1))
    for raw, sealed in ((first, b"1"), (second, b"2")):
        kind = SealedCredential(raw, FCM, Environment.PRODUCTION, sealed)
        await store.add_spare(app, kind, now=world.now)

    async def own() -> list[tuple[Id, bool]]:
        return [(each.id, each.is_own) for each in await store.shelf(app)]

    assert await own() == [(first, False), (second, False)]
    await store.make_own(app, first, now=world.now)
    await store.make_own(app, second, now=world.now)
    await store.make_own(app, second, now=world.now)
    assert await own() == [(first, False), (second, True)]
    assert [each.sealed for each in await store.spare(app)] == [b"1"]
    [sent_by] = await world.store.identity.credentials(app)
    assert (sent_by.id, sent_by.sealed) == (second, b"2")
    await store.remove_credential(app, second)
    assert await own() == [(first, False)]


async def test_a_user_goes_with_all_that_is_theirs(world: World) -> None:
    gone, other = await user(world, 2), await user(world, 1)
    people, account = world.store.people, world.account.id
    assert gone.user_id is not None

    newest = await people.recent(account, world.application.id, before=None, limit=10)
    assert [each.id for each in newest] == [other.user_id, gone.user_id]
    assert await people.remove(account, gone.user_id, now=world.now)
    assert not await people.remove(account, gone.user_id, now=world.now)

    assert await people.user(account, None, gone.user_id) is None
    assert len(await world.living()) == 1
    assert await world.store.audiences.known_users(
        account, [gone.user_id, other.user_id or Id(b"")]
    ) == {other.user_id}
    await world.check()


async def test_what_one_dialect_registered_is_forgotten_in_steps(world: World) -> None:
    for number in range(5):
        await world.register(f"t{number}", device=f"d{number}", origin="twilio")
    await world.register("kept", device="kept")

    steps = [
        await world.store.people.forget_registrations(
            world.application.id, "twilio", now=world.now, limit=2
        )
        for _ in range(4)
    ]

    assert steps == [2, 2, 1, 0]
    assert [row.token for row in (await world.living()).values()] == ["kept"]
    await world.check()
