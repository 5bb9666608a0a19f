"""The use cases in one place, as dialects, console and commands hold them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from heliograph.core.aliases import Aliases
    from heliograph.core.application_life import ApplicationLife
    from heliograph.core.applications import Applications
    from heliograph.core.breakers import Breakers
    from heliograph.core.channels import Channels
    from heliograph.core.credential_shelf import CredentialShelf
    from heliograph.core.dry_runs import DryRuns
    from heliograph.core.identity import Identity
    from heliograph.core.issuers import Issuers
    from heliograph.core.logins import Logins
    from heliograph.core.members import Members
    from heliograph.core.named_applications import NamedApplications
    from heliograph.core.nonces import Nonces
    from heliograph.core.notifications import Notifications
    from heliograph.core.people import People
    from heliograph.core.ports import Clock, Signer
    from heliograph.core.provider_settings import ProviderSettings
    from heliograph.core.rates import Rates
    from heliograph.core.receipts import Receipts
    from heliograph.core.recipient_lists import RecipientLists
    from heliograph.core.registrations import Registrations
    from heliograph.core.sessions import Sessions
    from heliograph.core.tags import Tags
    from heliograph.core.topic_subscriptions import TopicSubscriptions
    from heliograph.core.webhooks import Webhooks
    from heliograph.core.webpush_keys import WebPushKeys


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
