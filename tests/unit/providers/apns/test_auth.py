import base64
import json
from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from heliograph.core.ids import new_id
from heliograph.providers.apns.auth import ProviderTokens
from heliograph.security.jwt import UnusableKey

ID = b"\x01" * 16


def parts_of(authorization):
    scheme, _, token = authorization.partition(b" ")
    header, claims, signature = token.split(b".")
    return scheme, _json(header), _json(claims), header + b"." + claims, _decode(signature)


def _decode(part):
    return base64.urlsafe_b64decode(part + b"=" * (-len(part) % 4))


def _json(part):
    return json.loads(_decode(part))


def test_a_provider_token_says_key_team_and_time_and_nothing_else(clock, secret):
    authorization = ProviderTokens(clock).authorization(ID, secret)

    scheme, header, claims, _, _ = parts_of(authorization)
    assert scheme == b"bearer"
    assert header == {"alg": "ES256", "kid": "KEY1234567"}
    assert claims == {"iss": "TEAM123456", "iat": int(clock.now().timestamp())}


def test_a_provider_token_is_signed_by_the_credentials_key(clock, secret, signing_key):
    authorization = ProviderTokens(clock).authorization(ID, secret)

    _, _, _, signed, signature = parts_of(authorization)
    halves = (int.from_bytes(half, "big") for half in (signature[:32], signature[32:]))
    signing_key.public_key().verify(encode_dss_signature(*halves), signed, ec.ECDSA(SHA256()))


def test_a_provider_token_serves_for_45_minutes(clock, secret):
    tokens = ProviderTokens(clock)
    first = tokens.authorization(ID, secret)

    clock.advance(timedelta(minutes=44, seconds=59))
    later = tokens.authorization(ID, secret)
    clock.advance(timedelta(seconds=1))
    renewed = tokens.authorization(ID, secret)

    assert later is first
    assert parts_of(renewed)[2]["iat"] == parts_of(first)[2]["iat"] + 2700


def test_a_corrected_wall_clock_ages_no_token(clock, secret):
    tokens = ProviderTokens(clock)
    first = tokens.authorization(ID, secret)

    clock.instant += timedelta(days=1)

    assert tokens.authorization(ID, secret) is first


def test_refreshing_keeps_a_token_younger_than_20_minutes(clock, secret):
    tokens = ProviderTokens(clock)
    first = tokens.authorization(ID, secret)

    clock.advance(timedelta(minutes=19, seconds=59))

    assert tokens.refresh(ID, secret) is False
    assert tokens.authorization(ID, secret) is first


def test_refreshing_replaces_a_token_of_a_clock_that_was_set_right_however_young_it_is(
    clock, secret
):
    tokens = ProviderTokens(clock)
    first = tokens.authorization(ID, secret)
    clock.instant += timedelta(hours=2)

    assert tokens.refresh(ID, secret) is True
    assert tokens.refresh(ID, secret) is False

    assert parts_of(tokens.authorization(ID, secret))[2]["iat"] == (
        parts_of(first)[2]["iat"] + 7200
    )


def test_refreshing_replaces_an_older_token_once(clock, secret):
    tokens = ProviderTokens(clock)
    first = tokens.authorization(ID, secret)
    clock.advance(timedelta(minutes=20))

    assert tokens.refresh(ID, secret) is True
    assert tokens.refresh(ID, secret) is False

    assert tokens.authorization(ID, secret) != first


def test_refreshing_what_was_never_used_mints(clock, secret):
    assert ProviderTokens(clock).refresh(ID, secret) is True


def test_credentials_have_their_own_tokens(clock, secret):
    tokens = ProviderTokens(clock)

    first = tokens.authorization(ID, secret)
    other = tokens.authorization(b"\x02" * 16, replace(secret, team_id="OTHERTEAM1"))

    assert parts_of(other)[2]["iss"] == "OTHERTEAM1"
    assert tokens.authorization(ID, secret) is first


def test_the_least_recently_used_token_is_forgotten(clock, secret):
    tokens = ProviderTokens(clock, size=2)
    ids = [new_id(clock.now()) for _ in range(3)]
    kept, dropped = (tokens.authorization(each, secret) for each in ids[:2])
    tokens.authorization(ids[0], secret)

    tokens.authorization(ids[2], secret)

    assert tokens.authorization(ids[0], secret) is kept
    assert tokens.authorization(ids[1], secret) is not dropped


@pytest.mark.parametrize("pem", ["", "no key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END"])
def test_a_key_that_signs_nothing_is_said_without_quoting_it(clock, secret, pem):
    with pytest.raises(UnusableKey) as caught:
        ProviderTokens(clock).authorization(ID, replace(secret, key_pem=pem))

    assert caught.value.__cause__ is None
    assert "AAAA" not in str(caught.value)
