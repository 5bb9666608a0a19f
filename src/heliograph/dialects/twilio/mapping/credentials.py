"""Credentials and Apps <-> the core's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heliograph.core.errors import InvalidRequest, Problem
from heliograph.core.model.registration import ProviderName
from heliograph.dialects.twilio.mapping.answers import spell_time
from heliograph.dialects.twilio.mapping.ids import SLOTS, TYPES, spell_credential
from heliograph.dialects.twilio.schemas import apps as app_schemas
from heliograph.dialects.twilio.schemas import credentials as schemas
from heliograph.web.schemas import check

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from heliograph.core.applications.named_applications import NamedApplication
    from heliograph.core.errors import PathPart
    from heliograph.core.model.application import ShelvedCredential

_PLACES: dict[PathPart, tuple[str, ...]] = {
    "certificate": ("content", "certificate"),
    "environment": ("credentialType",),
    "password": ("content", "privateKey"),
}
"""Where the wire has what the core names otherwise."""


def to_text(body: schemas.CreateCredential) -> str:
    """Read a credential's content as the text that its provider's credentials are made of.

    Raises InvalidRequest naming every problem.
    """
    provider, _ = SLOTS[body.credential_type]
    try:
        if provider is ProviderName.FCM:
            return check(body.content, schemas.ServiceAccountContent).private_key
        pair = check(body.content, schemas.CertificateContent)
    except InvalidRequest as error:
        raise InvalidRequest(
            [Problem(("content", *each.path), each.kind, each.expected) for each in error.problems]
        ) from error
    return f"{pair.certificate.strip()}\n{pair.private_key.strip()}\n"


def to_wire(problem: Problem, body: schemas.CreateCredential) -> Problem:
    """Move a problem of a credential to where the wire has it."""
    provider, _ = SLOTS[body.credential_type]
    if not problem.path:
        if provider is ProviderName.FCM and problem.expected.endswith(("file", "object")):
            return Problem(("content", "privateKey"), problem.kind, problem.expected)
        return problem
    if provider is ProviderName.FCM:
        expected = f"a service account key file whose {problem.field} is {problem.expected}"
        return Problem(("content", "privateKey"), problem.kind, expected)
    place = _PLACES.get(problem.path[0], ("content",))
    return Problem(place, problem.kind, problem.expected)


def shown(shelf: Iterable[ShelvedCredential]) -> list[ShelvedCredential]:
    """Leave out the credentials for which this dialect has no word."""
    return [each for each in shelf if (each.provider, each.environment) in TYPES]


def from_credential(credential: ShelvedCredential, app_name: str) -> schemas.Credential:
    """Show a credential."""
    return schemas.Credential(
        id=spell_credential(credential.id),
        credential_type=TYPES[credential.provider, credential.environment],
        is_default=credential.is_own,
        app_name=app_name,
        created_at=spell_time(credential.created),
        updated_at=spell_time(credential.updated),
    )


def from_app(app: NamedApplication, shelf: Sequence[ShelvedCredential]) -> app_schemas.App:
    """Show an App. It changes when one of its credentials does."""
    created = app.application.created
    return app_schemas.App(
        name=app.name,
        is_default=app.is_default,
        default_credentials=tuple(
            app_schemas.DefaultCredential(
                id=spell_credential(each.id),
                credential_type=TYPES[each.provider, each.environment],
                created_at=spell_time(each.created),
                updated_at=spell_time(each.updated),
            )
            for each in shelf
            if each.is_own
        ),
        created_at=spell_time(created),
        updated_at=spell_time(max([created, *(each.updated for each in shelf)])),
    )
