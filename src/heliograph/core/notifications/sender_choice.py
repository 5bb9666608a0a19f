"""Which credentials a notification is sent by. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from heliograph.core.model.registration import Environment, ProviderName

if TYPE_CHECKING:
    from collections.abc import Sequence

    from heliograph.core.model.application import Application, ProviderCredential
    from heliograph.core.model.notification import Options


def chosen_credentials(
    options: Options,
    own: Sequence[ProviderCredential],
    spare: Sequence[ProviderCredential],
) -> tuple[ProviderCredential, ...]:
    """Answer the credentials that a notification asked for, by its options.

    Where those of a provider are gone since, the application's own stand in:
    they replaced them. own: the application's. spare: its others.
    """
    if not options.credentials:
        return tuple(own)
    chosen: list[ProviderCredential] = []
    for provider in dict.fromkeys(provider for provider, _ in options.credentials):
        wanted = {each for name, each in options.credentials if name is provider}
        named = [each for each in (*own, *spare) if each.id in wanted]
        chosen += named or [each for each in own if each.provider is provider]
    return tuple(chosen)


def at_home_in(application: Application, credentials: Sequence[ProviderCredential]) -> Application:
    """Copy an application so that tokens of unknown environment go where there is a credential."""
    worlds = {each.environment for each in credentials if each.provider is ProviderName.APNS}
    default = application.defaults.environment
    if not worlds or default in worlds:
        return application
    other = Environment.SANDBOX if Environment.SANDBOX in worlds else Environment.PRODUCTION
    return replace(application, defaults=replace(application.defaults, environment=other))
