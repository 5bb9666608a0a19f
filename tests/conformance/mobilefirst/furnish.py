"""The clients, tokens and names that MobileFirst's cases speak of."""

from __future__ import annotations

import base64
from datetime import timedelta
from typing import TYPE_CHECKING

from heliograph.core.ids import spell
from heliograph.core.model.identity import ClientPrincipal, Scope
from heliograph.dialects.mobilefirst.auth import tokens
from heliograph.dialects.mobilefirst.auth.callers import APPLICATION_ALIAS, SECTION, TAKES_SECRETS

if TYPE_CHECKING:
    from heliograph.core.model.application import Application
    from heliograph.core.model.identity import ApiClient
    from heliograph.wiring import Stack

APP = "com.sample.app"
OTHER_APP = "com.other.app"
CLOUD_APP = "com.cloud.app"
OF_APP = f"push.application.{APP}"


async def furnish_mobilefirst(
    stack: Stack, application: Application, other: Application
) -> dict[str, str]:
    """Name two applications, make clients, and mint their tokens."""
    core = stack.core
    account_id = application.account_id
    await core.aliases.set(APPLICATION_ALIAS, account_id, application.id, APP)
    await core.aliases.set(APPLICATION_ALIAS, account_id, other.id, OTHER_APP)
    create = core.applications.create_client
    cloud = await core.applications.create(account_id, "cloud")
    await core.aliases.set(APPLICATION_ALIAS, account_id, cloud.id, CLOUD_APP)
    client, key = await create(account_id, "confidential")
    await core.applications.change_settings(
        ClientPrincipal(client), cloud, SECTION, {TAKES_SECRETS: True}
    )
    reader, reader_key = await create(
        account_id, "reader", scopes=frozenset({Scope.REGISTRATIONS_READ})
    )
    writer, _ = await create(account_id, "writer", scopes=frozenset({Scope.REGISTRATIONS_WRITE}))
    bound, bound_key = await create(account_id, "bound", application_id=application.id)
    now = core.clock.now()

    def bearer(whose: ApiClient, *elements: str, age: timedelta = timedelta()) -> str:
        return tokens.mint(core.signer, whose.id, elements, now=now - age)

    return {
        "mf_app": APP,
        "mf_other_app": OTHER_APP,
        "mf_secret": key,
        "mf_bound_secret": bound_key,
        "mf_client_id": spell("api_client", client.id),
        "mf_basic": _basic(client, key),
        "mf_basic_wrong_secret": _basic(client, f"{key}x"),
        "mf_basic_mixed_up": _basic(reader, key),
        "mf_basic_reader": _basic(reader, reader_key),
        "mf_basic_bound": _basic(bound, bound_key),
        "mf_bearer": bearer(client, "*"),
        "mf_bearer_expired": bearer(client, "*", age=tokens.LIFE),
        "mf_bearer_default": bearer(client, "RegisteredClient"),
        "mf_bearer_every_app": bearer(client, "devices.read", "push.application.*"),
        "mf_bearer_no_app": bearer(client, "devices.write", "devices.read"),
        "mf_bearer_sender": bearer(client, "messages.write", OF_APP),
        "mf_bearer_apps_of_one": bearer(client, "apps.read", "apps.write", OF_APP),
        "mf_bearer_apps_of_none": bearer(client, "apps.read"),
        "mf_bearer_bound_apps": bearer(bound, "apps.write", "push.application.com.sample.app2"),
        "mf_bearer_apns": bearer(client, "apnsConf.write", OF_APP),
        "mf_bearer_early": bearer(client, "devices.write", OF_APP),
        "mf_bearer_read": bearer(client, "devices.read", "subscriptions.read", "tags.read", OF_APP),
        "mf_bearer_mobile": bearer(client, "push.mobileclient", OF_APP),
        "mf_bearer_bound": bearer(bound, "push.mobileclient"),
        "mf_bearer_bound_all": bearer(bound, "devices.read", "devices.write", OF_APP),
        "mf_bearer_writer": bearer(writer, "devices.write", OF_APP),
        "mf_bearer_outgrown": bearer(reader, "devices.write", OF_APP),
    }


def _basic(client: ApiClient, key: str) -> str:
    return base64.b64encode(f"{spell('api_client', client.id)}:{key}".encode()).decode()
