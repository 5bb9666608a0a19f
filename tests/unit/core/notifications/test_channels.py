"""Who may make, see and delete broadcast channels, and where they are."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

import pytest

from heliograph.core.errors import InvalidRequest, NotFound, NotPermitted, Unavailable
from heliograph.core.ids import new_id
from heliograph.core.model.application import (
    ApnsCredential,
    Application,
    Defaults,
    FcmCredential,
    ProviderCredential,
)
from heliograph.core.model.channel import AskedPlace, Channel, ChannelPlace, ChannelStorage
from heliograph.core.model.identity import ApiClient, ClientPrincipal, Scope
from heliograph.core.model.registration import Environment, ProviderName
from heliograph.core.notifications.channels import Channels, place_of

if TYPE_CHECKING:
    from heliograph.core.model.identity import Principal

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ACCOUNT = new_id(NOW)
APPLICATION = Application(new_id(NOW), ACCOUNT, "demo", NOW, Defaults("com.example"))
PLACE = ChannelPlace(Environment.PRODUCTION, "com.example")
CHANNEL = "abc+/="


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Carrier:
    """Takes note of what it is asked, by which credential."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []

    async def create(
        self, credential: ProviderCredential, place: ChannelPlace, storage: ChannelStorage
    ) -> Channel:
        self.asked.append(("create", credential.environment, place, storage))
        return Channel(CHANNEL, place, storage)

    async def get(
        self, credential: ProviderCredential, place: ChannelPlace, channel_id: str
    ) -> Channel:
        self.asked.append(("get", credential.environment, place, channel_id))
        return Channel(channel_id, place, ChannelStorage.NONE)

    async def all_of(self, credential: ProviderCredential, place: ChannelPlace) -> list[str]:
        self.asked.append(("all_of", credential.environment, place))
        return [CHANNEL]

    async def delete(
        self, credential: ProviderCredential, place: ChannelPlace, channel_id: str
    ) -> None:
        self.asked.append(("delete", credential.environment, place, channel_id))


class Keys:
    """An application's credentials."""

    def __init__(self, *environments: Environment) -> None:
        key = ApnsCredential("KEY1234567", "TEAM123456", "pem")
        fcm = FcmCredential("p", "a@b", "k", "pem")
        self._all = [
            ProviderCredential(new_id(NOW), APPLICATION.id, ProviderName.FCM, each, fcm)
            for each in Environment
        ] + [
            ProviderCredential(new_id(NOW), APPLICATION.id, ProviderName.APNS, each, key)
            for each in environments
        ]

    async def credentials_of(self, application_id: bytes) -> list[ProviderCredential]:
        assert application_id == APPLICATION.id
        return self._all


def caller(*scopes: Scope) -> Principal:
    return ClientPrincipal(ApiClient(new_id(NOW), ACCOUNT, "c", frozenset(scopes), NOW))


SENDER = caller(Scope.NOTIFICATIONS_SEND)
READER = caller(Scope.NOTIFICATIONS_READ)


@pytest.fixture
def carrier() -> Carrier:
    return Carrier()


@pytest.fixture
def channels(carrier: Carrier) -> Channels:
    keys = cast("Any", Keys(*Environment))
    return Channels(keys, {ProviderName.APNS: carrier})


async def test_a_channel_is_made_where_the_application_is(
    channels: Channels, carrier: Carrier
) -> None:
    made = await channels.create(SENDER, APPLICATION, ChannelStorage.LATEST)

    assert made == Channel(CHANNEL, PLACE, ChannelStorage.LATEST)
    assert carrier.asked == [("create", Environment.PRODUCTION, PLACE, ChannelStorage.LATEST)]


async def test_a_place_may_be_said(channels: Channels, carrier: Carrier) -> None:
    place = ChannelPlace(Environment.SANDBOX, "com.other")
    said = AskedPlace(place.environment, place.bundle_id)

    await channels.create(SENDER, APPLICATION, ChannelStorage.NONE, said)
    await channels.get(READER, APPLICATION, CHANNEL, said)
    await channels.delete(SENDER, APPLICATION, CHANNEL, said)
    listed = await channels.all_of(READER, APPLICATION, said)

    assert listed == (place, [CHANNEL])
    assert {asked[1:3] for asked in carrier.asked} == {(Environment.SANDBOX, place)}
    assert [asked[0] for asked in carrier.asked] == ["create", "get", "delete", "all_of"]


async def test_each_operation_needs_its_right(channels: Channels, carrier: Carrier) -> None:
    for refused in (
        channels.create(READER, APPLICATION, ChannelStorage.NONE),
        channels.delete(READER, APPLICATION, CHANNEL),
        channels.get(SENDER, APPLICATION, CHANNEL),
        channels.all_of(SENDER, APPLICATION),
    ):
        with pytest.raises(NotPermitted):
            await refused

    assert carrier.asked == []


async def test_a_strangers_application_is_not_found(channels: Channels) -> None:
    stranger = ClientPrincipal(
        ApiClient(new_id(NOW), new_id(NOW), "c", frozenset(Scope), NOW, None)
    )

    with pytest.raises(NotFound):
        await channels.all_of(stranger, APPLICATION)


async def test_an_environment_without_a_credential_is_named(carrier: Carrier) -> None:
    keys = cast("Any", Keys(Environment.SANDBOX))
    channels = Channels(keys, {ProviderName.APNS: carrier})

    with pytest.raises(InvalidRequest) as caught:
        await channels.all_of(READER, APPLICATION)

    assert [problem.field for problem in caught.value.problems] == ["environment"]


@pytest.mark.parametrize("channel_id", ["", "not a channel", "a=b", "x" * 1025, "ä"])
async def test_what_no_channel_is_called_is_not_found(
    channels: Channels, carrier: Carrier, channel_id: str
) -> None:
    with pytest.raises(NotFound):
        await channels.get(READER, APPLICATION, channel_id)
    with pytest.raises(NotFound):
        await channels.delete(SENDER, APPLICATION, channel_id)

    assert carrier.asked == []


async def test_a_process_without_the_provider_is_unavailable() -> None:
    channels = Channels(cast("Any", Keys(*Environment)), {})

    with pytest.raises(Unavailable):
        await channels.all_of(READER, APPLICATION)


@pytest.mark.parametrize("bundle_id", ["com..example", "com example", "x" * 156, "com.example\n"])
def test_a_bundle_id_that_cant_be_is_named(bundle_id: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        place_of(APPLICATION, AskedPlace(None, bundle_id))

    assert [problem.field for problem in caught.value.problems] == ["bundle_id"]


def test_an_application_without_a_bundle_id_has_to_name_one() -> None:
    bare = Application(new_id(NOW), ACCOUNT, "demo", NOW)

    with pytest.raises(InvalidRequest) as caught:
        place_of(bare, AskedPlace())

    assert [problem.field for problem in caught.value.problems] == ["bundle_id"]
    assert place_of(bare, AskedPlace(None, "com.other")) == ChannelPlace(
        Environment.PRODUCTION, "com.other"
    )
