from __future__ import annotations

import json

import pytest
from tests.contract.providers.pages import NOW

from heliograph.config import Apns, Fcm, WebPush
from heliograph.core.ids import new_id
from heliograph.core.model.application import (
    ApnsCredential,
    ProviderCredential,
    WebPushCredential,
)
from heliograph.core.model.registration import Environment, ProviderName
from heliograph.outbound.guard import Guard
from heliograph.providers.apns import ApnsProvider
from heliograph.providers.apns.settings import check_credential as check_apns
from heliograph.providers.fcm import FcmProvider
from heliograph.providers.fcm.settings import check_credential as check_fcm
from heliograph.providers.fcm.settings import credential_from_service_account
from heliograph.providers.webpush import WebPushProvider
from heliograph.providers.webpush.settings import new_key
from heliograph.simulators import Simulators


class FakeClock:
    def __init__(self):
        self.instant = NOW
        self.seconds = 1000.0

    def now(self):
        return self.instant

    def monotonic(self):
        return self.seconds

    def advance(self, span):
        self.instant += span
        self.seconds += span.total_seconds()


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture(scope="session")
def directory(tmp_path_factory):
    """Keep the fakes' keys for the session: making them takes longer than a test."""
    return tmp_path_factory.mktemp("simulators")


@pytest.fixture
async def fakes(directory, clock):
    topics = ("com.example.demo", "com.example.other")
    started = await Simulators.start(directory, topics=topics, now=clock.now)
    yield started
    await started.stop()


@pytest.fixture
async def apns(fakes, clock):
    settings = Apns(
        production_url=fakes.apns.url,
        sandbox_url=fakes.apns_sandbox.url,
        channels_production_url=fakes.apns.url,
        channels_sandbox_url=fakes.apns_sandbox.url,
        ca_file=fakes.ca_file,
    )
    provider = ApnsProvider(settings, clock, request_timeout_s=10)
    yield provider
    await provider.close()


@pytest.fixture
async def fcm(fakes, clock):
    settings = Fcm(url=fakes.fcm.url, ca_file=fakes.ca_file)
    provider = FcmProvider(settings, clock, request_timeout_s=10)
    yield provider
    await provider.close()


@pytest.fixture
async def webpush(fakes, clock):
    settings = WebPush(ca_file=fakes.ca_file)
    provider = WebPushProvider(settings, Guard(["127.0.0.0/8"]), clock, request_timeout_s=10)
    yield provider
    await provider.close()


@pytest.fixture
def webpush_credential():
    secret = WebPushCredential("mailto:ops@example.com", (new_key(), new_key()))
    return ProviderCredential(
        new_id(NOW), new_id(NOW), ProviderName.WEBPUSH, Environment.PRODUCTION, secret
    )


@pytest.fixture
def apns_credential(fakes):
    demo = fakes.apns_credential
    secret = ApnsCredential(demo.key_id, demo.team_id, demo.p8)
    check_apns(secret)
    return ProviderCredential(
        new_id(NOW), new_id(NOW), ProviderName.APNS, Environment.PRODUCTION, secret
    )


@pytest.fixture
def fcm_credential(fakes):
    secret = credential_from_service_account(json.dumps(fakes.fcm_service_account))
    check_fcm(secret)
    return ProviderCredential(
        new_id(NOW), new_id(NOW), ProviderName.FCM, Environment.PRODUCTION, secret
    )


@pytest.fixture
def subscribed(fakes, webpush_credential):
    """Make a subscription with the credential's present key."""
    return lambda: fakes.push_service.subscribe(webpush_credential.secret.keys[0].public)
