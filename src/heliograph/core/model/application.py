"""Accounts, applications and the credentials that providers ask for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from heliograph.core.model.registration import Environment, ProviderName

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from heliograph.core.ids import Id


@dataclass(frozen=True, slots=True)
class Account:
    """The tenant: owns applications, API clients and users."""

    id: Id
    name: str
    created: datetime


@dataclass(frozen=True, slots=True)
class Defaults:
    """What an application assumes where a registration says nothing."""

    bundle_id: str | None = None
    environment: Environment = Environment.PRODUCTION


@dataclass(frozen=True, slots=True)
class Application:
    """One customer app. settings: what dialects keep per application, by dialect."""

    id: Id
    account_id: Id
    name: str
    created: datetime
    defaults: Defaults = field(default_factory=Defaults)
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ApnsCredential:
    """An APNs signing key. key_pem: PKCS#8 P-256, secret."""

    key_id: str
    team_id: str
    key_pem: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class FcmCredential:
    """A Google service account. private_key_pem: PKCS#8 RSA, secret."""

    project_id: str
    client_email: str
    private_key_id: str
    private_key_pem: str = field(repr=False)
    token_uri: str = "https://oauth2.googleapis.com/token"  # noqa: S105 - an address


Secret = ApnsCredential | FcmCredential


@dataclass(frozen=True, slots=True)
class ProviderCredential:
    """A provider credential of an application, unsealed.

    id: changes with every new version, so that senders and cached tokens of
    an old one are not used for the new one.
    """

    id: Id
    application_id: Id
    provider: ProviderName
    environment: Environment
    secret: Secret
