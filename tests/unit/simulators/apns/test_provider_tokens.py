from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from tests.unit.simulators.tokens import provider_token

from heliograph.simulators.apns.provider_tokens import ApnsKey, ConnectionTokens, KnownKeys
from heliograph.simulators.apns.reasons import Refused
from heliograph.simulators.certificates import private_pem

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def tokens(credentials):
    return ConnectionTokens(KnownKeys([credentials.apns_key]))


def bearer(token):
    return b"bearer " + token.encode()


def test_a_signed_token_names_its_key(tokens, credentials, now):
    admitted = tokens.admit(bearer(provider_token(credentials.apns, now)), now=now)

    assert admitted is credentials.apns_key
    assert tokens.is_bound


@pytest.mark.parametrize("authorization", [None, b"", b"bearer ", b"bearer", b"Basic abc"])
def test_no_token_is_missing(tokens, now, authorization):
    assert tokens.admit(authorization, now=now) == Refused("MissingProviderToken")
    assert not tokens.is_bound


@pytest.mark.parametrize(
    "change",
    [
        {"header": {"kid": "OTHERKEY00"}},
        {"header": {"kid": None}},
        {"claims": {"iss": "OTHERTEAM0"}},
        {"claims": {"iss": None}},
        {"claims": {"iat": None}},
        {"claims": {"iat": "noon"}},
        {"key": private_pem(ec.generate_private_key(ec.SECP256R1()))},
    ],
)
def test_a_token_that_proves_nothing_is_invalid(tokens, credentials, now, change):
    token = provider_token(credentials.apns, now, **change)

    assert tokens.admit(bearer(token), now=now) == Refused("InvalidProviderToken")


def test_what_is_no_token_at_all_is_invalid(tokens, now):
    assert tokens.admit(b"bearer abc", now=now) == Refused("InvalidProviderToken")


@pytest.mark.parametrize(
    ("age", "is_good"),
    [
        (HOUR, True),
        (HOUR + timedelta(seconds=1), False),
        (-timedelta(seconds=59), True),
        (-timedelta(seconds=61), False),
    ],
)
def test_a_token_lives_for_an_hour(tokens, credentials, now, age, is_good):
    token = provider_token(credentials.apns, now - age)

    admitted = tokens.admit(bearer(token), now=now)

    assert admitted == (credentials.apns_key if is_good else Refused("ExpiredProviderToken"))


def test_a_token_expires_while_the_connection_lives(tokens, credentials, now):
    token = bearer(provider_token(credentials.apns, now))
    tokens.admit(token, now=now)

    assert tokens.admit(token, now=now + 2 * HOUR) == Refused("ExpiredProviderToken")


def test_a_second_new_token_within_20_minutes_is_one_too_many(tokens, credentials, now):
    first = bearer(provider_token(credentials.apns, now))
    second = bearer(provider_token(credentials.apns, now + MINUTE))
    tokens.admit(first, now=now)

    refused = tokens.admit(second, now=now + 19 * MINUTE)

    assert refused == Refused("TooManyProviderTokenUpdates")
    assert tokens.admit(first, now=now + 19 * MINUTE) is credentials.apns_key
    assert tokens.admit(second, now=now + 20 * MINUTE) is credentials.apns_key


def test_pushes_under_way_with_the_replaced_token_are_no_update(tokens, credentials, now):
    first = bearer(provider_token(credentials.apns, now))
    second = bearer(provider_token(credentials.apns, now + MINUTE))
    later = now + 20 * MINUTE
    tokens.admit(first, now=now)
    tokens.admit(second, now=later)

    assert tokens.admit(first, now=later) is credentials.apns_key
    assert tokens.admit(second, now=later) is credentials.apns_key


def test_a_connection_belongs_to_one_team(credentials, now):
    key = ec.generate_private_key(ec.SECP256R1())
    stranger = ApnsKey("STRANGER01", "OTHERTEAM0", key.public_key(), frozenset())
    tokens = ConnectionTokens(KnownKeys([credentials.apns_key, stranger]))
    theirs = replace(
        credentials.apns, p8=private_pem(key).decode(), key_id="STRANGER01", team_id="OTHERTEAM0"
    )
    tokens.admit(bearer(provider_token(credentials.apns, now)), now=now)

    refused = tokens.admit(bearer(provider_token(theirs, now)), now=now)

    assert refused == Refused("InvalidProviderToken")


def test_remembered_signatures_are_bounded(credentials, now):
    known = KnownKeys([credentials.apns_key])

    for number in range(1500):
        known.read(b"%d" % number)

    assert len(known._verified) <= 1000
    assert known.read(provider_token(credentials.apns, now).encode()) is not None


@pytest.mark.parametrize(
    ("topic", "suffix"),
    [
        (b"com.example.demo", b""),
        (b"com.example.demo.voip", b".voip"),
        (b"com.example.demos", None),
    ],
)
def test_a_topic_belongs_to_a_bundle_id(credentials, topic, suffix):
    assert credentials.apns_key.suffix_of(topic) == suffix


@pytest.mark.parametrize(
    ("topic", "suffix"),
    [
        (b"com.example.demo", b""),
        (b"org.acme", b""),
        (b"org.acme.voip", b".voip"),
        (b"org.acme.voip-ptt", b".voip-ptt"),
        (b"org.acme.push-type.liveactivity", b".push-type.liveactivity"),
        (b"org.acme.voip.chat", b""),
        (b"org.acmevoip", b""),
    ],
)
def test_a_team_keys_topic_ends_in_a_known_suffix_or_in_none(credentials, topic, suffix):
    assert replace(credentials.apns_key, topics=None).suffix_of(topic) == suffix
