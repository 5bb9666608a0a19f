from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

import pytest
from argon2 import PasswordHasher, extract_parameters
from argon2.low_level import Type
from tests.conftest import cheap_passwords

from heliograph.core.errors import RateLimited
from heliograph.security.passwords import Argon2Passwords

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.anyio


@pytest.fixture
def passwords() -> Iterator[Argon2Passwords]:
    passwords = Argon2Passwords()
    yield passwords
    passwords.close()


async def test_a_hash_is_argon2id_with_a_salt_of_its_own(passwords: Argon2Passwords) -> None:
    one, two = await passwords.hash("correct horse"), await passwords.hash("correct horse")

    known = extract_parameters(one)
    assert one != two
    assert (known.type, known.memory_cost, known.time_cost) == (Type.ID, 19_456, 2)
    assert not passwords.is_outdated(one)


@pytest.mark.parametrize(
    ("password", "is_right"),
    [("correct horse", True), ("correct hors", False), ("Correct horse", False), ("", False)],
)
async def test_a_password_is_told_from_others(
    passwords: Argon2Passwords, password: str, *, is_right: bool
) -> None:
    known = await passwords.hash("correct horse")

    assert await passwords.is_right(password, known) is is_right


async def test_any_text_can_be_a_password(passwords: Argon2Passwords) -> None:
    known = await passwords.hash("\ud800 ü")

    assert await passwords.is_right("\ud800 ü", known)


@pytest.mark.parametrize("known", [None, "", "not a hash"])
async def test_nothing_fits_what_is_no_hash(passwords: Argon2Passwords, known: str | None) -> None:
    assert not await passwords.is_right("correct horse", known)


async def test_a_login_that_nobody_has_costs_as_much(
    passwords: Argon2Passwords, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = await passwords.hash("correct horse")
    compared: list[str] = []
    verify = PasswordHasher.verify

    def counting(self: PasswordHasher, hashed: str, password: bytes) -> bool:
        compared.append(hashed)
        return verify(self, hashed, password)

    monkeypatch.setattr(PasswordHasher, "verify", counting)

    await passwords.is_right("wrong", known)
    await passwords.is_right("wrong", None)

    first, second = map(extract_parameters, compared)
    assert first == second


async def test_hashing_leaves_the_loop_alone(passwords: Argon2Passwords) -> None:
    await passwords.hash("correct horse")

    threads = {thread.name.partition("_")[0] for thread in threading.enumerate()}
    assert "passwords" in threads


async def test_who_comes_when_too_many_wait_comes_back_later() -> None:
    passwords = cheap_passwords()
    asked = [passwords.hash("correct horse") for _ in range(66)]

    answers = await asyncio.gather(*asked, return_exceptions=True)
    passwords.close()

    assert sum(isinstance(answer, RateLimited) for answer in answers) == 2
    assert sum(isinstance(answer, str) for answer in answers) == 64


async def test_old_parameters_are_noticed(passwords: Argon2Passwords) -> None:
    old = PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1).hash("correct horse")

    assert passwords.is_outdated(old)
    assert await passwords.is_right("correct horse", old)
