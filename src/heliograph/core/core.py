"""The use cases in one place, as dialects, console and commands hold them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from heliograph.core.aliases import Aliases
    from heliograph.core.applications.applications import Applications
    from heliograph.core.applications.credential_shelf import CredentialShelf
    from heliograph.core.applications.life import ApplicationLife
    from heliograph.core.applications.named_applications import NamedApplications
    from heliograph.core.applications.provider_settings import ProviderSettings
    from heliograph.core.applications.webpush_keys import WebPushKeys
    from heliograph.core.breakers import Breakers
    from heliograph.core.identity.identity import Identity
    from heliograph.core.identity.issuers import Issuers
    from heliograph.core.identity.logins import Logins
    from heliograph.core.identity.members import Members
    from heliograph.core.identity.nonces import Nonces
    from heliograph.core.identity.people import People
    from heliograph.core.identity.rates import Rates
    from heliograph.core.identity.sessions import Sessions
    from heliograph.core.notifications.channels import Channels
    from heliograph.core.notifications.dry_runs import DryRuns
    from heliograph.core.notifications.notifications import Notifications
    from heliograph.core.notifications.receipts import Receipts
    from heliograph.core.notifications.recipient_lists import RecipientLists
    from heliograph.core.ports import Clock, Signer
    from heliograph.core.registrations.registrations import Registrations
    from heliograph.core.registrations.tags import Tags
    from heliograph.core.registrations.topic_subscriptions import TopicSubscriptions
    from heliograph.core.webhooks.webhooks import Webhooks


@dataclass(frozen=True, slots=True)
class Core:
    """All that can be asked of Heliograph."""

    applications: Applications
    application_life: ApplicationLife
    provider_settings: ProviderSettings
    identity: Identity
    logins: Logins
    sessions: Sessions
    rates: Rates
    registrations: Registrations
    notifications: Notifications
    dry_runs: DryRuns
    breakers: Breakers
    nonces: Nonces
    issuers: Issuers
    members: Members
    tags: Tags
    topic_subscriptions: TopicSubscriptions
    channels: Channels
    credentials: CredentialShelf
    people: People
    named_applications: NamedApplications
    recipient_lists: RecipientLists
    webpush_keys: WebPushKeys
    webhooks: Webhooks
    receipts: Receipts
    aliases: Aliases
    signer: Signer
    clock: Clock
