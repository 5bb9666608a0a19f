from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from heliograph.core.ids import new_id
from heliograph.core.turns import Room, Waiting, fair_turns

NOW = datetime(2026, 1, 1, tzinfo=UTC)
APPS = [new_id(NOW) for _ in range(3)]
NOTIFICATIONS = [new_id(NOW) for _ in range(5)]


def waiting(*of: tuple[int, int]) -> list[Waiting]:
    """Shards by the numbers of their application and notification, longest waiting first."""
    return [
        Waiting(new_id(NOW), APPS[app], NOTIFICATIONS[ntf], order)
        for order, (app, ntf) in enumerate(of)
    ]


def test_who_waited_longest_comes_first() -> None:
    shards = waiting((0, 0), (0, 0), (0, 0))

    assert fair_turns(shards, Room(0, 2), 2) == [shards[0].shard_id, shards[1].shard_id]


def test_applications_take_turns_and_so_do_their_notifications() -> None:
    shards = waiting((0, 0), (0, 0), (0, 1), (1, 2))

    chosen = fair_turns(shards, Room(0, 4), 4)

    assert chosen == [shards[number].shard_id for number in (0, 3, 2, 1)]


def test_what_is_held_already_counts() -> None:
    shards = waiting((0, 0), (1, 2))

    chosen = fair_turns(shards, Room(0, 1, held=[(APPS[0], NOTIFICATIONS[0])]), 1)

    assert chosen == [shards[1].shard_id]


def test_an_application_takes_no_more_places_than_it_may() -> None:
    shards = waiting((0, 0), (0, 0), (0, 1), (1, 2))

    chosen = fair_turns(shards, Room(0, 9, per_application=1), 9)

    assert chosen == [shards[0].shard_id, shards[3].shard_id]


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 4)), max_size=30), st.integers(0, 10))
def test_no_place_stays_free_and_nobody_has_two_more_than_one_who_waits(
    of: list[tuple[int, int]], places: int
) -> None:
    shards = waiting(*of)

    chosen = fair_turns(shards, Room(0, places), places)

    assert len(chosen) == len(set(chosen)) == min(places, len(shards))
    taken = Counter(each.application_id for each in shards if each.shard_id in chosen)
    left = {each.application_id for each in shards if each.shard_id not in chosen}
    for application_id in left:
        assert max(taken.values(), default=0) <= taken[application_id] + 1
