from __future__ import annotations

from tests.unit.delivery.scripted import target

from heliograph.core.model.delivery import Cursor, Dropped, Page, Resting, ShardSource
from heliograph.delivery.cut import first_of

A, B, C = (target(name, bucket=bucket, recipient=bucket) for bucket, name in enumerate("ABC"))
END = Cursor(9, 0, b"")


def gone(bucket: int, recipient: int = 0) -> Dropped:
    return Dropped(Cursor(bucket, recipient, b"\xff" * 16))


def test_a_page_that_is_small_enough_stays_as_it_is() -> None:
    page = Page([A, B], None)

    assert first_of(page, 2, ShardSource.QUERY) is page


def test_what_is_cut_off_is_read_again() -> None:
    cut = first_of(Page([A, B, C], END), 2, ShardSource.QUERY)

    assert cut.targets == [A, B]
    assert cut.cursor == Cursor(B.bucket, B.recipient, B.id)


def test_only_what_was_dropped_before_the_cut_is_settled_with_it() -> None:
    page = Page([A, B, C], END, [gone(0, 0), gone(0, 9), gone(2, 1)])

    retried = first_of(page, 2, ShardSource.RETRY)
    listed = first_of(page, 2, ShardSource.LIST)

    assert retried.dropped == [gone(0, 0), gone(0, 9)]
    assert listed.dropped == [gone(0, 0)]


def test_only_who_rests_before_the_cut_is_put_back_with_it() -> None:
    before, after = Resting(target(bucket=1, recipient=0), None), Resting(target(bucket=2), None)
    page = Page([A, B, C], END, resting=[before, after])

    assert first_of(page, 2, ShardSource.QUERY).resting == [before]


def test_nothing_of_a_page_leaves_nothing() -> None:
    page = Page([A], END, [gone(0)], resting=[Resting(B, None)])

    cut = first_of(page, 0, ShardSource.QUERY)

    assert (cut.targets, cut.dropped, cut.resting, cut.cursor) == ((), (), (), END)
