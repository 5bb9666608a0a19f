"""Whom an application may trust: what is refused, and what happens beside others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest
from tests.unit.core.stubs import APPLICATION, NOW, RecordingStore, client

from heliograph.core.errors import CoreError, InvalidRequest, NotFound
from heliograph.core.identity.issuers import MAX_ISSUERS, MAX_KEYS, IssuerDraft, Issuers
from heliograph.core.identity.members import MAX_BADGE, Members
from heliograph.core.ids import new_id
from heliograph.core.model.identity import SessionForm
from heliograph.core.model.issuer import Issuer, KeyAlgorithm, TrustedKey

if TYPE_CHECKING:
    from tests.conftest import FakeClock

pytestmark = pytest.mark.anyio

NAME = "https://id.example.com"
KEY = ("k", KeyAlgorithm.RS256, "pem")


class AnyKey:
    def check_key(self, key_id: str, algorithm: KeyAlgorithm, public_key: str) -> TrustedKey:
        return TrustedKey(key_id, algorithm, public_key)


def issuers(store: RecordingStore, clock: FakeClock) -> Issuers:
    unused = cast("Any", None)
    return Issuers(
        cast("Any", store), cast("Any", AnyKey()), unused, unused, unused, clock, cache_ttl_s=1
    )


def known(name: str = NAME) -> Issuer:
    return Issuer(new_id(NOW), APPLICATION.id, SessionForm.NATIVE, name, NOW, keys=())


def fields_of(error: CoreError) -> list[str]:
    assert isinstance(error, InvalidRequest)
    return [problem.field for problem in error.problems]


@pytest.mark.parametrize(
    ("draft", "fields"),
    [
        (
            IssuerDraft(SessionForm.LAYER, NAME, audience="push", keys=(KEY,)),
            ["audience"],
        ),
        (
            IssuerDraft(
                SessionForm.NATIVE,
                NAME,
                keys=tuple((f"k{number}", KEY[1], "pem") for number in range(MAX_KEYS + 1)),
            ),
            ["keys"],
        ),
        (
            IssuerDraft(
                SessionForm.NATIVE, NAME, keys=(("", KEY[1], "pem"), ("\x00", KEY[1], "pem"))
            ),
            ["keys.0.key_id", "keys.1.key_id"],
        ),
        (IssuerDraft(SessionForm.DISCORD, "x" * 513), ["form", "issuer", "keys"]),
    ],
    ids=["Layer's audience", "too many keys", "unreadable key ids", "everything"],
)
async def test_what_no_issuer_can_be_is_refused_with_every_problem(
    clock: FakeClock, draft: IssuerDraft, fields: list[str]
) -> None:
    store = RecordingStore({"issuers": []})

    with pytest.raises(InvalidRequest) as refused:
        await issuers(store, clock).add(client(), APPLICATION, draft)

    assert fields_of(refused.value) == fields
    assert store.asked("add_issuer") == []


async def test_an_application_trusts_so_many_and_no_more(clock: FakeClock) -> None:
    store = RecordingStore({"issuers": [known(f"{NAME}/{n}") for n in range(MAX_ISSUERS)]})
    draft = IssuerDraft(SessionForm.NATIVE, NAME, keys=(KEY,))

    with pytest.raises(InvalidRequest) as refused:
        await issuers(store, clock).add(client(), APPLICATION, draft)

    assert fields_of(refused.value) == ["issuer"]


async def test_an_issuer_that_goes_meanwhile_is_not_there(clock: FakeClock) -> None:
    present = known()
    store = RecordingStore({"issuers": [present], "replace_issuer": False})
    draft = IssuerDraft(SessionForm.NATIVE, NAME, keys=(KEY,))

    with pytest.raises(NotFound):
        await issuers(store, clock).replace(client(), APPLICATION, present.id, draft)


@pytest.mark.parametrize("badge", [-1, MAX_BADGE + 1])
async def test_a_badge_that_no_icon_can_show_is_refused(clock: FakeClock, badge: int) -> None:
    unused = cast("Any", None)
    members = Members(unused, unused, unused, unused, clock)

    with pytest.raises(InvalidRequest) as refused:
        await members.set_badge(client(), APPLICATION, "ann", badge)

    assert fields_of(refused.value) == ["badge"]
