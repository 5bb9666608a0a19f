"""What Twilio's cases may name: callers, Apps, users, and another account's things."""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import pkcs12

from heliograph.core.ids import new_id, spell
from heliograph.core.model.application import Account
from heliograph.core.model.identity import Scope
from heliograph.core.model.registration import Environment
from heliograph.dialects.twilio.mapping import ids as mapping
from heliograph.providers.fcm.settings import credential_from_service_account
from heliograph.simulators.apns.certificates import make_push_certificate

if TYPE_CHECKING:
    from datetime import datetime

    from heliograph.core.model.application import Application
    from heliograph.core.model.identity import ApiClient
    from heliograph.wiring import Stack


async def furnish_twilio(
    stack: Stack, application: Application, other: Application
) -> dict[str, str]:
    """Name the applications `demo_app` and `other_app`; a third has no name."""
    core, account_id = stack.core, application.account_id
    sid = mapping.account_sid(account_id)
    client, key = await core.applications.create_client(account_id, "comms")
    reader, read_key = await core.applications.create_client(
        account_id, "comms reader", scopes=frozenset({Scope.REGISTRATIONS_READ})
    )
    _, write_key = await core.applications.create_client(
        account_id, "comms writer", scopes=frozenset({Scope.REGISTRATIONS_WRITE})
    )
    _, bound_key = await core.applications.create_client(
        account_id, "comms of one", application_id=other.id
    )
    await core.aliases.set(mapping.APP_ALIAS, account_id, application.id, "demo_app")
    await core.aliases.set(mapping.APP_ALIAS, account_id, other.id, "other_app")
    nameless = await core.applications.create(account_id, "nameless")
    ann = await core.identity.create_user(application, "ann")
    (member,) = await core.identity.members_of(account_id, ann.id)
    hidden = await core.identity.create_user(nameless, "hidden")
    (hidden_member,) = await core.identity.members_of(account_id, hidden.id)
    foreign, foreign_key = await _client_of_its_own(stack, "foreign")
    foreign_app = await core.applications.create(foreign.account_id, "foreign")
    await core.aliases.set(mapping.APP_ALIAS, foreign.account_id, foreign_app.id, "foreign_app")
    foreign_user = await core.identity.create_user(foreign_app, None)
    empty, empty_key = await _client_of_its_own(stack, "empty")
    account_file = service_account()
    own = await core.applications.set_credential(
        application, Environment.PRODUCTION, credential_from_service_account(account_file)
    )
    certificate, apn_key = _certificate(core.clock.now())
    return {
        "comms": basic(sid, key),
        "comms_key": basic(mapping.key_sid(client.id), key),
        "comms_reader": basic(sid, read_key),
        "comms_writer": basic(sid, write_key),
        "comms_bound": basic(sid, bound_key),
        "comms_foreign": basic(mapping.account_sid(foreign.account_id), foreign_key),
        "comms_wrong_key": basic(sid, "hgk_wrong"),
        "comms_other_account": basic(mapping.account_sid(foreign.account_id), key),
        "comms_other_key": basic(mapping.key_sid(reader.id), key),
        "comms_plain": f"{sid}:{key}",
        "comms_bearer": f"Bearer {key}",
        "nameless_app": spell("application", nameless.id),
        "ann": mapping.spell_user(ann.id),
        "ann_set": mapping.spell_member(member.id),
        "hidden": mapping.spell_user(hidden.id),
        "hidden_set": mapping.spell_member(hidden_member.id),
        "foreign_user": mapping.spell_user(foreign_user.id),
        "comms_empty": basic(mapping.account_sid(empty.account_id), empty_key),
        "fcm_credential": mapping.spell_credential(own.id),
        "fcm_key": base64.b64encode(account_file.encode()).decode(),
        "apn_certificate": base64.b64encode(certificate).decode(),
        "apn_key": base64.b64encode(apn_key).decode(),
        "in_31_days": (core.clock.now() + timedelta(days=31)).isoformat(),
    }


def basic(user_name: str, password: str) -> str:
    """Spell the header of HTTP Basic."""
    return "Basic " + base64.b64encode(f"{user_name}:{password}".encode()).decode()


async def _client_of_its_own(stack: Stack, name: str) -> tuple[ApiClient, str]:
    """Make an account with a client."""
    now = stack.core.clock.now()
    account = Account(new_id(now), name, now)
    await stack.store.identity.add_account(account)
    return await stack.core.applications.create_client(account.id, name)


def service_account() -> str:
    """Spell a Google service account's key file, as good as any until Google is asked."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return json.dumps(
        {
            "type": "service_account",
            "project_id": "demo-project",
            "client_email": "push@demo-project.iam.gserviceaccount.com",
            "private_key_id": "k1",
            "private_key": _pem(key).decode(),
        }
    )


def _certificate(now: datetime) -> tuple[bytes, bytes]:
    """Make an APNs certificate and its key, each in PEM."""
    made = make_push_certificate("com.example.demo", now=now)
    key, own, _ = pkcs12.load_key_and_certificates(made.p12, made.password.encode())
    assert own is not None
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return own.public_bytes(serialization.Encoding.PEM), _pem(key)


def _pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
