"""Accounts, applications and the credentials that providers ask for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from heliograph.core.model.registration import Environment, ProviderName

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
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

    @property
    def is_suspended(self) -> bool:
        """Whether nobody may sign in to it for now."""
        return self.settings.get("application", {}).get("is_suspended") is True

    @property
    def is_muted(self) -> bool:
        """Whether nothing may be sent to its registrations for now."""
        return self.settings.get("application", {}).get("is_muted") is True


@dataclass(frozen=True, slots=True)
class ApnsCredential:
    """An APNs signing key. key_pem: PKCS#8 P-256, secret."""

    key_id: str
    team_id: str
    key_pem: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ApnsCertificate:
    """An APNs client certificate. pem: it, its chain and its open private key; secret."""

    pem: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class FcmCredential:
    """A Google service account. private_key_pem: PKCS#8 RSA, secret."""

    project_id: str
    client_email: str
    private_key_id: str
    private_key_pem: str = field(repr=False)
    token_uri: str = "https://oauth2.googleapis.com/token"  # noqa: S105 - an address


@dataclass(frozen=True, slots=True)
class WnsCredential:
    """An app's identity at WNS. client_secret: secret.

    client_id: the package SID (`ms-app://s-1-15-2-…`), or with a tenant the
    id of the app's registration in Microsoft Entra.
    """

    client_id: str
    client_secret: str = field(repr=False)
    tenant: str | None = None


@dataclass(frozen=True, slots=True)
class GatewayParameter:
    """One pair of a gateway's query. encode: percent-encode the value; else it is already."""

    name: str
    value: str = field(repr=False)
    encode: bool = True


@dataclass(frozen=True, slots=True)
class SmsGateway:
    """An SMS gateway that takes one HTTP request per message.

    name: the operator's own for it. program_name: the path. parameters: pairs
    of the query; where a value says `{to}`, `{text}` or `{from}` the message's
    own is put in. Values may be secret.
    """

    host: str
    port: int
    program_name: str
    name: str = ""
    parameters: tuple[GatewayParameter, ...] = ()

    def __post_init__(self) -> None:
        """Take parameters as they come out of the store."""
        stored: Sequence[Any] = self.parameters
        read = (GatewayParameter(**each) if isinstance(each, dict) else each for each in stored)
        object.__setattr__(self, "parameters", tuple(read))


@dataclass(frozen=True, slots=True)
class SmppAccount:
    """An account at an SMS centre that speaks SMPP 3.4. password: secret.

    sender: what messages come from, a number or up to 11 letters. window:
    messages under way at once. vendor_statuses: what the centre's own
    statuses mean, 0x400 to 0x4FF: deferred, rejected, gone or misconfigured.
    """

    host: str
    port: int
    system_id: str
    password: str = field(repr=False)
    system_type: str = ""
    sender: str = ""
    has_tls: bool = False
    window: int = 10
    vendor_statuses: tuple[tuple[int, str], ...] = ()

    def __post_init__(self) -> None:
        """Take statuses as they come out of the store."""
        read = tuple((status, meaning) for status, meaning in self.vendor_statuses)
        object.__setattr__(self, "vendor_statuses", read)


@dataclass(frozen=True, slots=True)
class VapidKey:
    """A key pair that browsers' subscriptions are made with, both halves in base64url.

    public: the uncompressed point, 65 bytes. private: the scalar, 32 bytes; secret.
    """

    public: str
    private: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class WebPushCredential:
    """Who sends to an application's browsers, as their push services know us.

    contact: `mailto:` or `https:`. keys: the present one first; behind it those of
    older subscriptions, each of which takes messages by its own key alone.
    """

    contact: str
    keys: tuple[VapidKey, ...]

    def __post_init__(self) -> None:
        """Take keys as they come out of the store."""
        stored: Sequence[Any] = self.keys
        read = [VapidKey(**key) if isinstance(key, dict) else key for key in stored]
        object.__setattr__(self, "keys", tuple(read))


Secret = (
    ApnsCredential
    | ApnsCertificate
    | FcmCredential
    | WnsCredential
    | SmsGateway
    | SmppAccount
    | WebPushCredential
)


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


@dataclass(frozen=True, slots=True)
class ShelvedCredential:
    """A credential without its secret. is_own: what is sent by it unless another is asked for."""

    id: Id
    application_id: Id
    provider: ProviderName
    environment: Environment
    is_own: bool
    created: datetime
    updated: datetime
