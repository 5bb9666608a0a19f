from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.unit.core import registry
from tests.unit.core.stubs import APPLICATION, RecordingStore, client, session

from heliograph.core import access
from heliograph.core.errors import InvalidRequest, NotFound, NotPermitted
from heliograph.core.model.tag import Subscribed, Tag
from heliograph.core.registrations.claims import RegistryState
from heliograph.core.registrations.registrations import Registrations
from heliograph.core.registrations.tags import MAX_LABEL_CHARS, Tags, check_label

if TYPE_CHECKING:
    from tests.conftest import FakeClock

pytestmark = pytest.mark.anyio

ANN, BOB = session("ann"), session("bob")
ROW = registry.apply(RegistryState([]), registry.draft(owner=access.member_of(ANN)))


@pytest.fixture
def store() -> RecordingStore:
    return RecordingStore({"get": ROW, "subscribe": True, "labels_of": ["news"]})


@pytest.fixture
def tags(store: RecordingStore, clock: FakeClock) -> Tags:
    return Tags(store, Registrations(store, clock), clock)


async def test_a_registration_subscribes_and_unsubscribes(
    tags: Tags, store: RecordingStore
) -> None:
    await tags.subscribe(ANN, APPLICATION, ROW.id, "news")
    await tags.unsubscribe(ANN, APPLICATION, ROW.id, "news")

    asked = [(APPLICATION.id, ROW.id, "news")]
    assert store.asked("subscribe") == store.asked("unsubscribe") == asked


async def test_the_labels_of_a_registration_are_listed(tags: Tags) -> None:
    assert await tags.labels_of(client(), APPLICATION, ROW.id) == ["news"]


async def test_somebody_elses_registration_is_not_found(tags: Tags, store: RecordingStore) -> None:
    for attempt in (
        tags.subscribe(BOB, APPLICATION, ROW.id, "news"),
        tags.unsubscribe(BOB, APPLICATION, ROW.id, "news"),
        tags.labels_of(BOB, APPLICATION, ROW.id),
    ):
        with pytest.raises(NotFound):
            await attempt

    assert {name for name, *_ in store.calls} == {"get"}


async def test_a_registration_that_just_left_is_not_found(
    tags: Tags, store: RecordingStore
) -> None:
    store.answers["subscribe"] = Subscribed.NO_REGISTRATION

    with pytest.raises(NotFound):
        await tags.subscribe(ANN, APPLICATION, ROW.id, "news")


@pytest.mark.parametrize("label", ["", "x" * (MAX_LABEL_CHARS + 1), "a\tb", "\ud800"])
async def test_what_cannot_be_a_tag_is_refused(tags: Tags, label: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        await tags.subscribe(ANN, APPLICATION, ROW.id, label)

    assert [problem.field for problem in caught.value.problems] == ["tag"]


@pytest.mark.parametrize("label", ["a", "x" * MAX_LABEL_CHARS, "día 1", "😀"])
def test_any_printable_label_is_a_tag(label: str) -> None:
    check_label(label)


async def test_subscribers_of_tags_are_counted_for_readers(
    tags: Tags, store: RecordingStore
) -> None:
    tag = Tag(ROW.id, APPLICATION.id, "news", None, ROW.created, ROW.created)
    store.answers["subscribers"] = counts = {tag.id: {ROW.provider: 1}}

    assert await tags.subscribers(client(), APPLICATION, [tag]) == counts
    assert store.asked("subscribers") == [(APPLICATION.id, [tag.id])]
    with pytest.raises(NotPermitted):
        await tags.subscribers(client(scopes=frozenset()), APPLICATION, [tag])
