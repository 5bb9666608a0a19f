"""Which of a provider's environments, and so which credential, a target belongs to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heliograph.core.model.registration import Environment, ProviderName

if TYPE_CHECKING:
    from heliograph.core.model.application import Application
    from heliograph.core.model.delivery import Target

World = tuple[ProviderName, Environment]


def world_of(target: Target, application: Application) -> World:
    """Say where a target is sent to.

    Only APNs has two environments; elsewhere every credential is production.
    """
    if target.provider is ProviderName.APNS:
        return target.provider, target.environment or application.defaults.environment
    return target.provider, Environment.PRODUCTION
