from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.core.stubs import NOW

from heliograph.core.identity.issuers import LEEWAY, fault_of
from heliograph.core.stores.issuers import TokenFault

if TYPE_CHECKING:
    from datetime import datetime

NOW_S = int(NOW.timestamp())
LEEWAY_S = int(LEEWAY.total_seconds())
GOOD = {"iat": NOW_S, "nbf": NOW_S, "exp": NOW_S + 300, "aud": "push"}


def fault(
    *, audience: str | None = "push", requires_iat: bool = True, now: datetime = NOW, **claims: Any
) -> TokenFault | None:
    said = {name: value for name, value in (GOOD | claims).items() if value is not ...}
    return fault_of(said, audience, requires_iat=requires_iat, now=now)


def test_claims_that_hold_have_no_fault() -> None:
    assert fault() is None
    assert fault(exp=NOW_S + 0.5, iat=float(NOW_S)) is None


@pytest.mark.parametrize("exp", [..., None, "soon", True, float("nan"), float("inf"), [1]])
def test_a_token_has_an_end_that_is_a_number(exp: Any) -> None:
    assert fault(exp=exp) is TokenFault.EXPIRED


@pytest.mark.parametrize("name", ["iat", "nbf"])
@pytest.mark.parametrize("value", ["now", True, float("nan"), [1], NOW_S + LEEWAY_S + 1])
def test_a_token_is_not_from_the_future(name: str, value: Any) -> None:
    assert fault(**{name: value}) is TokenFault.EARLY


def test_when_a_token_was_made_is_asked_of_those_who_must_say_it() -> None:
    assert fault(iat=..., requires_iat=True) is TokenFault.EARLY
    assert fault(iat=..., requires_iat=False) is None
    assert fault(nbf=..., requires_iat=True) is None


@given(st.integers(-200, 200))
def test_clocks_may_differ_by_the_leeway(offset_s: int) -> None:
    now = NOW + timedelta(seconds=offset_s)

    assert (fault(iat=NOW_S, now=now) is None) == (offset_s >= -LEEWAY_S)
    assert (fault(exp=NOW_S, now=now) is TokenFault.EXPIRED) == (offset_s >= LEEWAY_S)


@pytest.mark.parametrize(
    ("said", "is_meant"),
    [
        ("push", True),
        (["other", "push"], True),
        ("other", False),
        (["other"], False),
        ([], False),
        (..., False),
        (None, False),
        ("pushing", False),
        ({"push": 1}, False),
    ],
)
def test_a_token_is_meant_for_whom_it_names(said: Any, is_meant: bool) -> None:
    assert fault(aud=said) is (None if is_meant else TokenFault.AUDIENCE)


def test_where_no_audience_is_asked_for_none_is_looked_at() -> None:
    assert fault(audience=None, aud="other") is None
