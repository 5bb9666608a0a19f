"""Applications and credentials <-> the core's."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

from heliograph.core.errors import InvalidRequest, NotFound, Problem, ProblemKind
from heliograph.core.ids import spell
from heliograph.core.model.application import (
    ApnsCredential,
    Defaults,
    GatewayParameter,
    SmsGateway,
    WnsCredential,
)
from heliograph.core.model.registration import ProviderName
from heliograph.dialects.native.schemas import applications as schemas

if TYPE_CHECKING:
    from collections.abc import Sequence

    from heliograph.core.errors import PathPart
    from heliograph.core.model.application import Application, Secret, ShelvedCredential

_FORMS = {
    ProviderName.APNS: ("key", "certificate"),
    ProviderName.FCM: ("service_account",),
    ProviderName.WNS: ("identity",),
    ProviderName.SMS: ("gateway",),
}
"""What each provider's credential is given as. Web Push's keys are made here, and have routes."""

_WORDS = {"key_pem": "key", "program_name": "path", "certificate": "file"}
"""What a form calls a field that a provider's problems name otherwise."""


def to_provider(name: str) -> ProviderName:
    """Read a provider's name in a path; raises NotFound for one that takes no credential."""
    try:
        provider = ProviderName(name)
    except ValueError:
        provider = None
    if provider is None or provider not in _FORMS:
        raise NotFound("provider", name)
    return provider


def check_form(body: schemas.CredentialBody, provider: ProviderName) -> None:
    """Let a body pass that has one form of credential, of this provider; raises InvalidRequest."""
    wanted = _FORMS[provider]
    given = [name for names in _FORMS.values() for name in names if getattr(body, name) is not None]
    problems = [
        Problem((name,), ProblemKind.NOT_ALLOWED, f"absent for {provider.value}")
        for name in given
        if name not in wanted
    ]
    own = [name for name in given if name in wanted]
    if not own:
        expected = f"present{''.join(f', or {other}' for other in wanted[1:])}"
        problems.append(Problem((wanted[0],), ProblemKind.MISSING, expected))
    if len(own) > 1:
        expected = f"absent beside {own[0]}"
        problems.append(Problem((own[1],), ProblemKind.NOT_ALLOWED, expected))
    if problems:
        raise InvalidRequest(problems)


def to_secret(body: schemas.CredentialBody) -> Secret | None:
    """Read a credential; None for one whose file is for its provider to read."""
    if body.key is not None:
        return ApnsCredential(body.key.key_id, body.key.team_id, body.key.key)
    if body.identity is not None:
        identity = body.identity
        return WnsCredential(identity.client_id, identity.client_secret, identity.tenant)
    if body.gateway is not None:
        pairs = (
            GatewayParameter(each.name, each.value, each.encode) for each in body.gateway.parameters
        )
        gateway = body.gateway
        return SmsGateway(gateway.host, gateway.port, gateway.path, gateway.name, tuple(pairs))
    return None


def to_body_problems(
    problems: Sequence[Problem], body: schemas.CredentialBody
) -> Sequence[Problem]:
    """Name a provider's problems by their places in the body: providers know only the form."""
    names = [name for form in _FORMS.values() for name in form]
    form = next(name for name in names if getattr(body, name) is not None)
    return [
        each
        if each.path[:1] == ("environment",)
        else Problem((form, *_in_form(each.path)), each.kind, each.expected)
        for each in problems
    ]


def _in_form(path: tuple[PathPart, ...]) -> tuple[PathPart, ...]:
    return (*(_WORDS.get(str(part), part) for part in path[:1]), *path[1:])


def to_service_account(body: schemas.CredentialBody) -> str:
    """Spell Google's file as text again."""
    return json.dumps(body.service_account)


def to_file(certificate: schemas.ApnsCertificate) -> bytes:
    """Read a certificate's bytes."""
    return base64.b64decode(certificate.file)


def to_defaults(body: schemas.ApplicationChanges, former: Defaults) -> Defaults:
    """Say what an application assumes from now on."""
    changes = body.defaults
    if changes is None:
        return former
    names = changes.model_fields_set
    return Defaults(
        bundle_id=changes.bundle_id if "bundle_id" in names else former.bundle_id,
        environment=changes.environment or former.environment,
    )


def from_application(application: Application) -> schemas.Application:
    """Show an application."""
    return schemas.Application(
        id=spell("application", application.id),
        name=application.name,
        created=application.created,
        defaults=schemas.Defaults(
            bundle_id=application.defaults.bundle_id, environment=application.defaults.environment
        ),
        is_muted=application.is_muted,
    )


def from_credential(credential: ShelvedCredential) -> schemas.Credential:
    """Show a credential."""
    return schemas.Credential(
        id=spell("credential", credential.id),
        provider=credential.provider,
        environment=credential.environment,
        is_own=credential.is_own,
        created=credential.created,
        updated=credential.updated,
    )


def from_credentials(found: Sequence[ShelvedCredential]) -> schemas.CredentialList:
    """Show an application's credentials."""
    return schemas.CredentialList(items=tuple(map(from_credential, found)))
