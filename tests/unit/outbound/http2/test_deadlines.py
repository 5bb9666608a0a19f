from hypothesis import given
from hypothesis import strategies as st

from heliograph.outbound.http2.deadlines import TimerWheel


def test_an_item_comes_out_at_most_one_tick_late_and_never_early() -> None:
    wheel: TimerWheel[str] = TimerWheel(0.5)
    wheel.add("a", 10.2)

    assert wheel.expire(10.1) == []
    assert wheel.expire(10.4) == []
    assert wheel.expire(10.7) == ["a"]
    assert len(wheel) == 0


def test_a_discarded_item_never_comes_out() -> None:
    wheel: TimerWheel[str] = TimerWheel(0.5)
    wheel.add("a", 1)
    wheel.add("b", 1)

    wheel.discard("a")
    wheel.discard("never in")

    assert wheel.expire(100) == ["b"]


def test_an_item_added_again_moves() -> None:
    wheel: TimerWheel[str] = TimerWheel(1)
    wheel.add("a", 1)

    wheel.add("a", 50)

    assert wheel.expire(10) == []
    assert wheel.expire(51) == ["a"]


@given(
    st.lists(st.floats(0, 100), max_size=30),
    st.lists(st.floats(0, 120), max_size=10).map(sorted),
)
def test_every_item_comes_out_exactly_once(due: list[float], looks: list[float]) -> None:
    wheel: TimerWheel[int] = TimerWheel(0.25)
    for item, due_at in enumerate(due):
        wheel.add(item, due_at)

    out: list[int] = []
    for now in [*looks, 200.0]:
        expired = wheel.expire(now)
        assert all(due[item] <= now for item in expired)
        out += expired
        assert all(due[item] > now - 0.5 for item in range(len(due)) if item not in out)

    assert sorted(out) == list(range(len(due)))
