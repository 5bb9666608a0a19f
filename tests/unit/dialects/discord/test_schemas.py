from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from heliograph.dialects.discord.schemas import (
    Device,
    NewDevice,
    Schema,
    SessionsLogOut,
    Synchronization,
)
from heliograph.web.schemas import problems_of

BODIES: dict[type[Schema], dict[str, Any]] = {
    Device: {"provider": "gcm", "token": "t"},
    NewDevice: {"provider": "gcm", "token": "t"},
    Synchronization: {"provider": "gcm", "token": "t", "push_sync_tokens": ["x"]},
}
SCHEMAS = pytest.mark.parametrize("schema", BODIES, ids=lambda schema: schema.__name__)


def refused(schema: type[Schema], body: Any) -> list[str]:
    with pytest.raises(ValidationError) as caught:
        schema.model_validate(body)
    return [problem.field for problem in problems_of(caught.value)]


@SCHEMAS
def test_what_is_required_is_named_in_the_order_of_the_page(schema: type[Schema]) -> None:
    assert refused(schema, {}) == list(BODIES[schema])
    assert refused(schema, dict.fromkeys(BODIES[schema])) == list(BODIES[schema])


@SCHEMAS
@pytest.mark.parametrize("body", [[], "x", 5, True, None])
def test_a_body_is_an_object(schema: type[Schema], body: Any) -> None:
    assert refused(schema, body) == [""]


@SCHEMAS
@pytest.mark.parametrize("name", ["provider", "token"])
@pytest.mark.parametrize("value", ["", " ", "\t", 1, 1.5, True, ["gcm"], {}, "a\0b", "a\ud800b"])
def test_a_required_field_is_a_text_with_something_in_it(
    schema: type[Schema], name: str, value: Any
) -> None:
    assert refused(schema, BODIES[schema] | {name: value}) == [name]


@SCHEMAS
def test_nulls_and_unknown_fields_count_as_absent(schema: type[Schema]) -> None:
    body = BODIES[schema]
    more = {name: None for name in schema.model_fields if name not in body} | {"os": [{}]}

    assert schema.model_validate(body | more) == schema.model_validate(body)


@pytest.mark.parametrize(("name", "longest"), [("token", 4096), ("bundle_id", 256)])
def test_lengths_are_limited(name: str, longest: int) -> None:
    body = BODIES[NewDevice]

    assert NewDevice.model_validate(body | {name: "x" * longest})
    assert refused(NewDevice, body | {name: "x" * (longest + 1)}) == [name]


@pytest.mark.parametrize("value", [{}, "x", 5, True, {"0": "x"}])
def test_sync_tokens_are_a_list(value: Any) -> None:
    body = BODIES[Synchronization] | {"push_sync_tokens": value}

    assert refused(Synchronization, body) == ["push_sync_tokens"]


def test_each_sync_token_that_is_no_text_is_named() -> None:
    body = BODIES[Synchronization] | {"push_sync_tokens": ["x", None, 1, ["y"]]}

    assert refused(Synchronization, body) == [f"push_sync_tokens.{n}" for n in (1, 2, 3)]


@pytest.mark.parametrize(
    ("listed", "is_accepted"),
    [
        ([], True),
        ([f"t{n}" for n in range(25)] * 4, True),
        ([f"t{n}" for n in range(26)], False),
        (["t"] * 100, True),
        (["t"] * 101, False),
    ],
)
def test_sync_tokens_are_limited(listed: list[str], is_accepted: bool) -> None:
    body = BODIES[Synchronization] | {"push_sync_tokens": listed}

    if is_accepted:
        assert Synchronization.model_validate(body).push_sync_tokens == tuple(listed)
    else:
        assert refused(Synchronization, body) == ["push_sync_tokens"]


def test_each_session_that_is_no_text_is_named_and_the_array_is_not_short_of_it() -> None:
    assert refused(SessionsLogOut, {"session_id_hashes": [1, None]}) == [
        "session_id_hashes.0",
        "session_id_hashes.1",
    ]
    assert refused(SessionsLogOut, {"session_id_hashes": []}) == ["session_id_hashes"]
