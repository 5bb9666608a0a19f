"""Signatures by the Standard Webhooks specification."""

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta

import pytest

from heliograph.core.errors import InvalidRequest
from heliograph.core.model.webhook import FormerSecret, WebhookSecrets
from heliograph.core.webhooks.signatures import (
    check_secret,
    new_secret,
    pack,
    signature,
    timestamp,
    unpack,
)

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_the_specifications_own_example():
    """Source: Standard Webhooks' reference libraries, their tests' vector."""
    held = WebhookSecrets("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    at = datetime.fromtimestamp(1614265330, UTC)
    body = b'{"test": 2432232314}'

    made = signature(held, "msg_p5jXN8AQM9LWM0D4loKWxJek", body, at=at)

    assert made == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_new_secret_is_32_random_bytes():
    first, second = new_secret(), new_secret()

    assert first != second
    assert check_secret(first) == first
    assert len(base64.b64decode(first.removeprefix("whsec_"))) == 32


@pytest.mark.parametrize(
    "secret",
    [
        "",
        "whsec_",
        "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "whsec_MfKQ9r8GKYqr",
        "whsec_???",
        "whsec_" + base64.b64encode(bytes(23)).decode(),
        "whsec_" + base64.b64encode(bytes(65)).decode(),
        "whsk_" + base64.b64encode(bytes(32)).decode(),
        "whsec_ü",
    ],
)
def test_a_secret_of_another_form_is_refused(secret):
    with pytest.raises(InvalidRequest) as caught:
        check_secret(secret)

    assert caught.value.problems[0].field == "secret"


def test_a_former_secret_signs_along_until_its_time_is_over():
    old, new = new_secret(), new_secret()
    held = WebhookSecrets(new, FormerSecret(old, NOW + timedelta(hours=1)))

    both = signature(held, "evt_1", b"{}", at=NOW).split(" ")
    alone = signature(held, "evt_1", b"{}", at=NOW + timedelta(hours=1)).split(" ")

    assert both == [signed(new, NOW), signed(old, NOW)]
    assert alone == [signed(new, NOW + timedelta(hours=1))]


def test_secrets_come_back_as_they_were_packed():
    for held in (
        WebhookSecrets("whsec_a"),
        WebhookSecrets("whsec_a", FormerSecret("whsec_b", NOW), "user:pass"),
    ):
        assert unpack(pack(held)) == held


def test_secrets_are_not_shown_by_accident():
    held = WebhookSecrets("whsec_a", FormerSecret("whsec_b", NOW), "user:pass")

    assert not any(word in repr(held) for word in ("whsec_a", "whsec_b", "pass"))


def signed(secret, at):
    key = base64.b64decode(secret.removeprefix("whsec_"))
    text = f"evt_1.{timestamp(at)}.{{}}".encode()
    return "v1," + base64.b64encode(hmac.digest(key, text, hashlib.sha256)).decode()
