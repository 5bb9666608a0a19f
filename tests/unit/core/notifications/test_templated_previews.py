"""Previews of notifications whose recipients have words of their own."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from tests.conformance.twilio.furnish import service_account

from heliograph.core.errors import InvalidRequest
from heliograph.core.model.audience import Address, Recipient, Recipients
from heliograph.core.model.identity import ClientPrincipal
from heliograph.core.model.notification import Content, Options
from heliograph.core.model.registration import Environment, ProviderName
from heliograph.providers.fcm.settings import credential_from_service_account
from heliograph.wiring import DIALECTS, Stack

if TYPE_CHECKING:
    from heliograph.config import Config

pytestmark = pytest.mark.anyio


async def test_each_sample_is_filled_in_with_its_own_variables(config: Config) -> None:
    stack = await Stack.open(config, dialects=DIALECTS)
    try:
        core = stack.core
        account = await core.applications.account()
        application = await core.applications.create(account.id, "demo")
        client, _ = await core.applications.create_client(account.id, "back end")
        await core.applications.set_credential(
            application, Environment.PRODUCTION, credential_from_service_account(service_account())
        )
        listed = [
            Recipient(address=Address(ProviderName.FCM, f"t{n}"), variables={"n": n})
            for n in ("1", "2", "9999999")
        ]
        asked = (ClientPrincipal(client), application, Recipients.of(tuple(listed)))
        content = Content(body="{% for i in (1..n) %}{{ i }}{% endfor %}", is_template=True)

        samples = await core.dry_runs.preview(*asked, content, Options())
        with pytest.raises(InvalidRequest) as caught:
            await core.dry_runs.preview(*asked, Content(body="{{", is_template=True), Options())
    finally:
        await stack.stop()

    bodies = {
        sample.target.token: json.loads(sample.message.body)["message"]["notification"]["body"]
        for sample in samples
        if sample.message is not None
    }
    assert bodies == {"t1": "1", "t2": "12"}
    [refused] = [sample for sample in samples if sample.message is None]
    assert refused.target.token == "t9999999"
    assert refused.problem is not None
    assert refused.problem.startswith("template: ")
    assert [each.path for each in caught.value.problems] == [("content", "body")]
