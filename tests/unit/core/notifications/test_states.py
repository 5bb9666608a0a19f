import pytest
from hypothesis import given
from hypothesis import strategies as st

from heliograph.core.model.notification import NotificationState as State
from heliograph.core.notifications.states import FINAL, GOALS, ORIGINS, Step, after

STEPS = st.lists(st.sampled_from(Step), max_size=12)


def walk(state: State, steps: list[Step]) -> list[State]:
    """The states that a notification passes through; a step that is not allowed changes nothing."""
    passed = [state]
    for step in steps:
        passed.append(after(passed[-1], step) or passed[-1])
    return passed


@given(STEPS)
def test_what_has_ended_stays_as_it_ended(steps: list[Step]) -> None:
    passed = walk(State.SCHEDULED, steps)

    ended = [state for state in passed if state in FINAL]

    assert len(set(ended)) <= 1
    assert ended == passed[len(passed) - len(ended) :]


@given(STEPS)
def test_nothing_is_scheduled_again(steps: list[Step]) -> None:
    passed = walk(State.SCHEDULED, steps)

    began = [state for state in passed if state is not State.SCHEDULED]

    assert began == passed[len(passed) - len(began) :]


@given(STEPS, st.sampled_from(Step))
def test_a_step_may_be_repeated(steps: list[Step], step: Step) -> None:
    state = walk(State.SCHEDULED, steps)[-1]

    once = after(state, step)

    if once is not None:
        assert after(once, step) is once


@given(STEPS)
def test_only_what_ran_is_paused_or_completed(steps: list[Step]) -> None:
    passed = walk(State.SCHEDULED, steps)

    for place, state in enumerate(passed):
        if state in (State.PAUSED, State.COMPLETED):
            assert State.RUNNING in passed[:place]


@pytest.mark.parametrize("step", [Step.CANCEL, Step.EXPIRE])
@pytest.mark.parametrize("state", [State.SCHEDULED, State.RUNNING, State.PAUSED])
def test_whatever_has_not_ended_can_be_ended(state: State, step: Step) -> None:
    assert after(state, step) is GOALS[step]


@pytest.mark.parametrize("step", Step)
@pytest.mark.parametrize("state", sorted(FINAL))
def test_nothing_leads_away_from_an_end(state: State, step: Step) -> None:
    assert after(state, step) in (None, state)


@pytest.mark.parametrize("step", Step)
def test_every_step_leads_somewhere_else(step: Step) -> None:
    assert GOALS[step] not in ORIGINS[step]
