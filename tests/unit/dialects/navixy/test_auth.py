from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .conftest import BIND, BODY, DELETE, HASH, outcome

if TYPE_CHECKING:
    from .conftest import NavixyDoor

pytestmark = pytest.mark.anyio

OTHER = "0" * 32
REST = {name: value for name, value in BODY.items() if name != "hash"}


@pytest.mark.parametrize(
    ("body", "query", "header", "expected"),
    [
        (HASH, None, None, (200, 0)),
        (None, HASH, None, (200, 0)),
        (None, None, HASH, (200, 0)),
        (HASH, OTHER, OTHER, (200, 0)),
        (None, HASH, OTHER, (200, 0)),
        (OTHER, HASH, HASH, (400, 4)),
        (None, OTHER, HASH, (400, 4)),
        (None, None, OTHER, (400, 4)),
        ("", HASH, HASH, (400, 3)),
        (None, "", HASH, (400, 3)),
        (None, None, "", (400, 3)),
        (None, None, None, (400, 3)),
    ],
)
async def test_the_first_hash_that_is_there_counts(
    door: NavixyDoor,
    body: str | None,
    query: str | None,
    header: str | None,
    expected: tuple[int, int],
) -> None:
    path = BIND if query is None else f"{BIND}?hash={query}"
    headers = {} if header is None else {"authorization": f"NVX {header}"}

    answer = await door.call("POST", path, {"hash": body, **REST}, **headers)

    assert outcome(answer) == expected
    assert len(door.registry.drafts) == (expected == (200, 0))


@pytest.mark.parametrize("value", [0, 1.5, True, [HASH], {"hash": HASH}, "x" * 32, HASH + "0"])
async def test_what_can_be_no_hash_is_a_wrong_one(door: NavixyDoor, value: object) -> None:
    answer = await door.call("POST", DELETE, {"hash": value})

    assert outcome(answer) == (400, 3)


@pytest.mark.parametrize(
    ("header", "code"),
    [
        (f"NVX {HASH}", 201),
        (f"nvx {HASH}", 201),
        (f"NVX{HASH}", 3),
        (f"NVX  {HASH}", 3),
        (f"NVX\t{HASH}", 3),
        (f"NVX {HASH} more", 3),
        (f"NVX {HASH.upper()}", 4),
        (f"Basic {HASH}", 3),
        (HASH, 3),
        ("NVX", 3),
    ],
)
async def test_a_header_has_one_blank_and_a_hash(door: NavixyDoor, header: str, code: int) -> None:
    answer = await door.call("GET", DELETE, authorization=header)

    assert outcome(answer) == (400, code)
