"""Applications."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heliograph.core.model.listing import RegistrationField
from heliograph.core.model.registration import Environment
from heliograph.dialects.mobilefirst.mapping.paging import timestamp
from heliograph.dialects.mobilefirst.schemas import applications as schemas
from heliograph.dialects.mobilefirst.schemas.wire import quoted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from heliograph.core.applications.life import KnownApplication
    from heliograph.core.model.application import Application, ProviderCredential
    from heliograph.core.model.listing import Condition
    from heliograph.dialects.mobilefirst.mapping.filters import Fields
    from heliograph.dialects.mobilefirst.mapping.paging import Place

FIELDS: Fields = {"applicationId": RegistrationField.DESCRIPTION}
"""Read as plain text: what the core would call it doesn't matter here."""


def is_wanted(known: KnownApplication, conditions: Sequence[Condition]) -> bool:
    """Say whether an application's name meets a list's filters."""
    return all(
        any(_meets(known.name, each) for each in (condition, *condition.alternatives))
        for condition in conditions
    )


def from_application(application: Application, name: str) -> schemas.Application:
    """Show an application."""
    return schemas.Application(applicationId=name, enabled=quoted(not application.is_muted))


def from_listed(known: KnownApplication, *, is_expanded: bool) -> schemas.Application:
    """Show an application in a list."""
    if not is_expanded:
        return schemas.Application(applicationId=known.name)
    created = timestamp(known.application.created)
    shown = from_application(known.application, known.name)
    return shown.model_copy(update={"created_time": created, "last_updated_time": created})


def from_settings(name: str, apns: ProviderCredential | None, place: Place) -> schemas.Settings:
    """Say where an application's settings are."""
    is_sandbox = apns is not None and apns.environment is Environment.SANDBOX
    return schemas.Settings(
        applicationId=name,
        mode="SANDBOX" if is_sandbox else "PRODUCTION",
        apnsConf=place.link("apnsConf"),
        gcmConf=place.link("gcmConf"),
        wnsConf=place.link("wnsConf"),
        smsConf=place.link("smsConf"),
    )


def _meets(name: str, condition: Condition) -> bool:
    if condition.is_exact:
        return name in condition.values
    return any(value is not None and value in name for value in condition.values)
