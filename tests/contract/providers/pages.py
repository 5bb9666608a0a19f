"""Pages of targets, as the engine hands them to a provider."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta

from heliograph.core.ids import new_id
from heliograph.core.model.audience import AddressForm
from heliograph.core.model.delivery import Target
from heliograph.core.model.notification import Content, Options
from heliograph.core.model.registration import ProviderName
from heliograph.core.ports import Batch

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
CONTENT = Content(title="Hello", body="Grüße", data={"screen": "inbox", "n": 7}, badge=2)


def target(token, environment=None, attributes="", form=AddressForm.TOKEN):
    return Target(
        id=new_id(NOW),
        bucket=0,
        recipient=0,
        provider=ProviderName.APNS,
        environment=environment,
        token=token,
        token_hash=b"",
        attributes=attributes,
        refreshed_ms=0,
        attempts=0,
        is_registered=True,
        form=form,
    )


def browser(subscription, vapid_key=None):
    """A registration of this subscription, as the engine hands it on."""
    said = subscription.to_json()
    key = subscription.vapid_key if vapid_key is None else vapid_key
    attributes = said["keys"] | ({"vapid_key": key} if key else {})
    return target(said["endpoint"], attributes=json.dumps(attributes))


def batch_of(credential, *targets, content=CONTENT, options=None):
    made = Options() if options is None else options
    return Batch(
        credential,
        new_id(NOW),
        content,
        made,
        NOW + timedelta(seconds=made.ttl_s),
        "com.example.demo",
        targets,
    )


async def until(is_true):
    """Let the other side of a socket come to it; fails after five seconds."""
    for _ in range(500):
        if is_true():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it never came to that")


def token_of(number):
    return f"{number:064x}"
