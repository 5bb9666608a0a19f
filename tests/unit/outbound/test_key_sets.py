"""Key sets that can't be fetched are parts that do not answer."""

from __future__ import annotations

import pytest

from heliograph.core.errors import InvalidRequest, Unavailable
from heliograph.outbound.guard import Guard
from heliograph.outbound.key_sets import HttpKeySets

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    "url",
    [
        "http://id.example.com/keys",
        "https://id.example.com:22/keys",
        "https://127.0.0.1/keys",
        "https://169.254.169.254/latest",
        "file:///etc/passwd",
        "https://user@id.example.com/keys",
    ],
)
async def test_where_nobody_may_go_nothing_is_stored_and_nothing_fetched(url: str) -> None:
    key_sets = HttpKeySets(Guard())

    with pytest.raises(InvalidRequest) as refused:
        key_sets.check_url(url)
    with pytest.raises(Unavailable):
        await key_sets.fetch(url)

    assert [problem.field for problem in refused.value.problems] == ["jwks_url"]
    await key_sets.aclose()


async def test_an_issuer_that_is_not_there_is_unavailable() -> None:
    key_sets = HttpKeySets(Guard(("127.0.0.0/8",)))

    with pytest.raises(Unavailable):
        await key_sets.fetch("http://127.0.0.1:1/keys")

    await key_sets.aclose()
