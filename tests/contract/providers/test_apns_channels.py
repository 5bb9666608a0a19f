"""Broadcast channels, managed and pushed to, against the fake of APNs."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from tests.contract.providers.pages import NOW, batch_of, target

from heliograph.config import Apns
from heliograph.core.errors import Conflict, NotFound, Unavailable
from heliograph.core.model.audience import AddressForm
from heliograph.core.model.channel import Channel, ChannelPlace, ChannelStorage
from heliograph.core.model.notification import Content, Options
from heliograph.core.model.outcome import ACCEPTED, FaultScope, Misconfigured, Rejected, TokenGone
from heliograph.core.model.registration import Environment, ProviderName
from heliograph.providers.apns import ApnsProvider

pytestmark = pytest.mark.anyio

PLACE = ChannelPlace(Environment.PRODUCTION, "com.example.demo")
UPDATE = Content(overrides={ProviderName.APNS: {"aps": {"content-state": {"score": 3}}}})
NOWHERE = "AAAAAAAAAAAAAAAAAAAAAA=="


@pytest.fixture
def channels(apns):
    return apns.channels


@pytest.mark.parametrize("storage", ChannelStorage)
async def test_a_channel_is_made_and_shown(channels, apns_credential, storage):
    made = await channels.create(apns_credential, PLACE, storage)

    assert made.storage is storage
    assert await channels.get(apns_credential, PLACE, made.id) == Channel(made.id, PLACE, storage)


async def test_channels_are_listed_for_their_app_and_environment(channels, apns_credential):
    made = [
        (await channels.create(apns_credential, PLACE, storage)).id for storage in ChannelStorage
    ]

    listed = await channels.all_of(apns_credential, PLACE)

    assert sorted(listed) == sorted(made)
    assert (
        await channels.all_of(apns_credential, replace(PLACE, bundle_id="com.example.other")) == []
    )
    sandbox = replace(PLACE, environment=Environment.SANDBOX)
    assert await channels.all_of(apns_credential, sandbox) == []


async def test_a_deleted_channel_is_gone(channels, apns_credential):
    made = await channels.create(apns_credential, PLACE, ChannelStorage.NONE)

    await channels.delete(apns_credential, PLACE, made.id)

    with pytest.raises(NotFound):
        await channels.get(apns_credential, PLACE, made.id)
    with pytest.raises(NotFound):
        await channels.delete(apns_credential, PLACE, made.id)
    assert await channels.all_of(apns_credential, PLACE) == []


async def test_an_app_has_room_for_so_many_channels(fakes, channels, apns_credential):
    fakes.apns_fake.channels.limit = 1
    await channels.create(apns_credential, PLACE, ChannelStorage.NONE)

    with pytest.raises(Conflict) as caught:
        await channels.create(apns_credential, PLACE, ChannelStorage.NONE)

    assert caught.value.kind == "channel"


async def test_another_app_is_refused_in_apns_words(channels, apns_credential):
    with pytest.raises(Conflict, match="TopicMismatch"):
        await channels.all_of(apns_credential, replace(PLACE, bundle_id="com.stranger"))


async def test_a_wrong_key_is_refused_in_apns_words(channels, apns_credential):
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    wrong = replace(apns_credential, secret=replace(apns_credential.secret, key_pem=pem))

    with pytest.raises(Conflict, match="InvalidProviderToken"):
        await channels.all_of(wrong, PLACE)


async def test_a_key_that_signs_nothing_is_a_conflict(channels, apns_credential):
    wrong = replace(apns_credential, secret=replace(apns_credential.secret, key_pem="SECRET"))

    with pytest.raises(Conflict) as caught:
        await channels.all_of(wrong, PLACE)

    assert caught.value.kind == "APNs credential"
    assert "SECRET" not in str(caught.value)


async def test_a_token_that_grew_too_old_is_renewed_for_the_next_try(
    channels, apns_credential, clock
):
    await channels.all_of(apns_credential, PLACE)
    clock.instant += timedelta(hours=2)
    clock.seconds += 1500

    with pytest.raises(Unavailable):
        await channels.all_of(apns_credential, PLACE)

    assert await channels.all_of(apns_credential, PLACE) == []


async def test_an_apns_that_does_not_answer_is_unavailable(fakes, apns_credential, clock):
    provider = ApnsProvider(
        Apns(channels_production_url="https://127.0.0.1:1", ca_file=fakes.ca_file),
        clock,
        request_timeout_s=5,
    )

    with pytest.raises(Unavailable):
        await provider.channels.all_of(apns_credential, PLACE)
    await provider.close()
    with pytest.raises(Unavailable):
        await provider.channels.all_of(apns_credential, PLACE)


async def publish(apns, credential, channel_id, content=UPDATE, **options):
    page = batch_of(
        credential,
        target(channel_id, form=AddressForm.CHANNEL),
        content=content,
        options=Options(**{"ttl_s": 0, **options}),
    )
    (outcome,) = await apns.send(page, now=NOW)
    return outcome


async def test_a_push_to_a_channel_arrives(fakes, apns, channels, apns_credential):
    made = await channels.create(apns_credential, PLACE, ChannelStorage.NONE)

    outcome = await publish(apns, apns_credential, made.id)

    (push,) = fakes.inbox.received(f"/channels/{made.id}")
    assert outcome is ACCEPTED
    assert push.payload["aps"]["content-state"] == {"score": 3}
    assert push.headers["apns-push-type"] == "liveactivity"
    assert "apns-topic" not in push.headers


async def test_a_channel_that_stores_takes_a_time_to_live(apns, channels, apns_credential):
    made = await channels.create(apns_credential, PLACE, ChannelStorage.LATEST)

    assert await publish(apns, apns_credential, made.id, ttl_s=600) is ACCEPTED


async def test_a_channel_that_stores_nothing_takes_none(apns, channels, apns_credential):
    made = await channels.create(apns_credential, PLACE, ChannelStorage.NONE)

    assert await publish(apns, apns_credential, made.id, ttl_s=600) == Rejected("BadExpirationDate")


@pytest.mark.parametrize(
    ("channel_id", "outcome"),
    [
        (NOWHERE, TokenGone("ChannelNotRegistered")),
        ("not a channel", Rejected("BadChannelId")),
    ],
)
async def test_a_channel_that_is_not_there_is_named(apns, apns_credential, channel_id, outcome):
    assert await publish(apns, apns_credential, channel_id) == outcome


async def test_another_apps_channel_is_this_messages_trouble(apns, apns_credential):
    content = replace(
        UPDATE,
        overrides={
            ProviderName.APNS: {
                **UPDATE.overrides[ProviderName.APNS],
                "headers": {"apns-topic": "com.stranger.push-type.liveactivity"},
            }
        },
    )

    outcome = await publish(apns, apns_credential, NOWHERE, content)

    assert outcome == Misconfigured("TopicMismatch", FaultScope.TARGET)
