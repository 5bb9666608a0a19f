"""What the demo's database holds: one application, and a way in for every dialect."""

from __future__ import annotations

import json
import secrets
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from heliograph.cli.demo_provider import layer_provider
from heliograph.core import access
from heliograph.core.errors import NotAuthenticated, NotFound, WrongLogin
from heliograph.core.ids import spell
from heliograph.core.model.application import (
    ApnsCredential,
    Application,
    Defaults,
    SmppAccount,
    WnsCredential,
)
from heliograph.core.model.identity import ALL_SCOPES, ApiClient, ClientPrincipal, SessionForm
from heliograph.core.model.registration import Environment
from heliograph.dialects.mobilefirst.auth.callers import APPLICATION_ALIAS
from heliograph.dialects.twilio.mapping.ids import APP_ALIAS, account_sid
from heliograph.providers.fcm.settings import credential_from_service_account
from heliograph.simulators.door import FAULTS, INBOX
from heliograph.simulators.sms.centre import PASSWORD as SMPP_PASSWORD
from heliograph.simulators.sms.centre import SYSTEM_ID as SMPP_SYSTEM_ID

if TYPE_CHECKING:
    from heliograph.core.core import Core
    from heliograph.core.model.application import Secret
    from heliograph.simulators import Simulators

BUNDLE_ID = "com.example.demo"
TWILIO_APP = "demo_app"

_NAME = "Demo"
_CONTACT = "mailto:demo@example.com"
_SESSION_LIFE = timedelta(days=365)

Facts = dict[str, Any]
"""What `demo.json` says, by section."""

_SESSIONS = (
    (SessionForm.LAYER, "session_token"),
    (SessionForm.DISCORD, "token"),
    (SessionForm.NAVIXY, "hash"),
)
"""Each dialect's own word for the token of its session."""

_LOGINS = (SessionForm.DISCORD, SessionForm.NAVIXY)
"""Dialects whose users sign in by a login."""

_PLACES = {
    "webpush_port": ("webpush", "push_service"),
    "wns_port": ("wns", "channel"),
    "webhooks_port": ("webhook", "url"),
    "sms_gateway_port": ("sms", "gateway"),
    "smpp_port": ("sms", "smpp"),
}
"""Which facts hold the port of a fake that is not asked under the settings' own address."""


async def furnish(core: Core, simulators: Simulators, known: Facts) -> Facts:
    """Make what is missing of the demo's application; keep what a former start made.

    Answers what `demo.json` says, but for the addresses.
    """
    application = await _application(core, known)
    await _set_credentials(core, application, simulators)
    name = spell("application", application.id)
    await _name(core, application, APP_ALIAS, TWILIO_APP)
    await _name(core, application, APPLICATION_ALIAS, BUNDLE_ID)
    facts: Facts = {
        "application": {"id": name, "name": _NAME},
        "native": {"api_key": await _api_key(core, application, known, "native", "api_key")},
    }
    for form, word in _SESSIONS:
        facts[form.value] = {word: await _session(core, application, form, known, word)}
    facts["layer"] |= await layer_provider(core, application, known)
    for form in _LOGINS:
        facts[form.value] |= await _login(core, application, form, known)
    facts["twilio"] = {
        "account_id": account_sid(application.account_id),
        "auth_token": await _api_key(core, application, known, "twilio", "auth_token"),
        "app_name": TWILIO_APP,
    }
    facts["native"]["session_token"] = await _session(
        core, application, SessionForm.NATIVE, known, "session_token"
    )
    facts["webpush"] = {
        "public_key": await _webpush_key(core, application),
        "push_service": simulators.webpush.url,
    }
    secret = await _api_key(core, application, known, "mobilefirst", "client_secret")
    client = (await core.identity.client(secret)).client
    facts["wns"] = {"channel": simulators.wns_channel("demo-windows-1")}
    facts["sms"] = {
        "number": "+491701234567",
        "smpp": f"{simulators.smpp.host}:{simulators.smpp.port}",
        "gateway": simulators.sms_gateway.url,
    }
    facts["webhook"] = {"url": f"{simulators.webhooks.url}/hooks/demo"}
    facts["mobilefirst"] = {
        "application_id": BUNDLE_ID,
        "client_id": spell("api_client", client.id),
        "client_secret": secret,
    }
    return facts


def former_ports(known: Facts) -> dict[str, Any]:
    """Say where the fakes listened whose addresses registrations and webhooks may hold."""
    ports: dict[str, Any] = {}
    for name, (section, fact) in _PLACES.items():
        address = _text(known, section, fact)
        try:
            port = urlsplit(address if "//" in address else f"//{address}").port
        except ValueError:
            continue
        if port:
            ports[name] = port
    return ports


def with_addresses(facts: Facts, url: str) -> Facts:
    """Answer the whole of `demo.json` for a server at this URL."""
    return {
        "base_url": url,
        **facts,
        "simulators": {"inbox": url + INBOX, "faults": url + FAULTS},
    }


def application_id_of(facts: Facts) -> str:
    """Answer the application for calls that name none."""
    return str(facts["application"]["id"])


async def _application(core: Core, known: Facts) -> Application:
    try:
        return await core.applications.by_spelling(_text(known, "application", "id"))
    except NotFound:
        account = await core.applications.account()
        return await core.applications.create(account.id, _NAME, Defaults(BUNDLE_ID))


async def _name(core: Core, application: Application, kind: str, value: str) -> None:
    """Let a dialect find the application; one that a lost demo.json forgot gives way."""
    if await core.aliases.of(kind, application.account_id, application.id) is None:
        await core.aliases.move(kind, application.account_id, application.id, value)


async def _set_credentials(core: Core, application: Application, simulators: Simulators) -> None:
    """Give the application the fakes' credentials: their ports change from start to start."""
    apple = simulators.apns_credential
    signing_key = ApnsCredential(apple.key_id, apple.team_id, apple.p8)
    account = credential_from_service_account(json.dumps(simulators.fcm_service_account))
    windows = simulators.wns_app
    centre = (simulators.smpp.host, simulators.smpp.port, SMPP_SYSTEM_ID, SMPP_PASSWORD)
    wanted: tuple[tuple[Environment, Secret], ...] = (
        (Environment.PRODUCTION, signing_key),
        (Environment.SANDBOX, signing_key),
        (Environment.PRODUCTION, account),
        (Environment.PRODUCTION, WnsCredential(windows.package_sid, windows.client_secret)),
        (Environment.PRODUCTION, SmppAccount(*centre, sender="Demo")),
    )
    present = [
        (credential.environment, credential.secret)
        for credential in await core.applications.credentials_of(application.id)
    ]
    for environment, secret in wanted:
        if (environment, secret) not in present:
            await core.applications.set_credential(application, environment, secret)


async def _webpush_key(core: Core, application: Application) -> str:
    """Answer the key that pages subscribe with, a new one at the first start."""
    try:
        keys = await core.webpush_keys.shown(application)
    except NotFound:
        keys = await core.webpush_keys.make(application, _CONTACT)
    return keys.keys[0]


async def _api_key(
    core: Core, application: Application, known: Facts, section: str, word: str
) -> str:
    """Answer a dialect's own API client's key, a new one if it opens nothing here."""
    key = _text(known, section, word)
    try:
        principal = await core.identity.client(key)
        access.require_sight(principal, application)
    except (NotAuthenticated, NotFound):
        _, key = await core.applications.create_client(application.account_id, section)
    return key


async def _session(
    core: Core, application: Application, form: SessionForm, known: Facts, word: str
) -> str:
    """Answer the session of a dialect's own user, a new one if it has ended."""
    token = _text(known, form.value, word)
    try:
        principal = await core.identity.session(token, form)
        access.require_sight(principal, application)
    except (NotAuthenticated, NotFound):
        _, token = await core.identity.create_session(
            application, f"{form.value}-user", form, _SESSION_LIFE
        )
    return token


async def _login(
    core: Core, application: Application, form: SessionForm, known: Facts
) -> dict[str, str]:
    """Answer the login of a dialect's own user, with a new password if it opens nothing here."""
    user = f"{form.value}-user"
    name, password = f"{user}@example.com", _text(known, form.value, "password")
    try:
        _, token = await core.logins.sign_in(application, form, name, password, address=None)
        await core.identity.end_session(token, form)
    except WrongLogin:
        password = secrets.token_urlsafe(12)
        await _set_password(core, application, form, name, password, user)
    return {"login": name, "password": password}


async def _set_password(
    core: Core, application: Application, form: SessionForm, name: str, password: str, user: str
) -> None:
    now = core.clock.now()
    operator = ApiClient(application.id, application.account_id, "demo", ALL_SCOPES, now)
    principal = ClientPrincipal(operator)
    present = await core.logins.find(principal, application, after=None, limit=100)
    for login in present:
        if (login.form, login.name) == (form, name):
            await core.logins.change(principal, application, login.id, password=password)
            return
    await core.logins.create(principal, application, form, name, password, user)


def _text(known: dict[str, Any], section: str, name: str) -> str:
    """Answer one fact of `demo.json`; empty where it is missing or damaged."""
    facts = known.get(section)
    value = facts.get(name) if isinstance(facts, dict) else None
    return value if isinstance(value, str) else ""
