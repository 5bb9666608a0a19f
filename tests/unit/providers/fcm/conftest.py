from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from heliograph.core.ids import new_id
from heliograph.core.model.application import FcmCredential, ProviderCredential
from heliograph.core.model.registration import Environment, ProviderName

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


class FakeClock:
    """A clock that stands still until it is told otherwise."""

    def __init__(self) -> None:
        self.instant = NOW
        self.seconds = 1000.0

    def now(self) -> datetime:
        return self.instant

    def monotonic(self) -> float:
        return self.seconds

    def advance(self, span: timedelta) -> None:
        self.instant += span
        self.seconds += span.total_seconds()


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(scope="session")
def signing_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@pytest.fixture(scope="session")
def key_pem(signing_key) -> str:
    pem = signing_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return pem.decode()


@pytest.fixture
def secret(key_pem) -> FcmCredential:
    return FcmCredential("acme-1", "push@acme.example", "kid1", key_pem, "https://oauth.example/t")


@pytest.fixture
def credential(secret) -> ProviderCredential:
    return ProviderCredential(
        new_id(NOW), new_id(NOW), ProviderName.FCM, Environment.PRODUCTION, secret
    )


@pytest.fixture
def settle():
    """Let background tasks run."""

    async def run() -> None:
        for _ in range(5):
            await asyncio.sleep(0)

    return run
