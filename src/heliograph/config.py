"""Every setting of the server, one frozen tree.

Values come, strongest first, from the command line, from variables
(`HELIOGRAPH_ROLE`, nested with two underscores:
`HELIOGRAPH_STORAGE__READERS`) and from a TOML file. An unknown key stops the
start-up, and the message names its nearest neighbour. Each setting is
described in docs/configuration.md.
"""

from __future__ import annotations

import os
from difflib import get_close_matches
from enum import StrEnum
from ipaddress import ip_network
from pathlib import Path
from tomllib import TOMLDecodeError
from typing import TYPE_CHECKING, Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
)
from pydantic_core import PydanticCustomError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)
from pydantic_settings import SettingsError as UnreadableVariableError

if TYPE_CHECKING:
    from collections.abc import Sequence

_PREFIX = "HELIOGRAPH_"
_NESTING = "__"

_DATABASE_SCHEMES = ("postgresql", "postgres")

Port = Annotated[int, Field(ge=0, le=65535)]


class Role(StrEnum):
    """Which half of the server a process runs."""

    ALL = "all"
    API = "api"
    WORKER = "worker"


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Door(_Section):
    """One dialect at one place. host: only for this Host; prefix: path before it.

    application: spelled id of the application for calls that name none.
    """

    dialect: str
    is_open: bool = True
    host: str | None = None
    prefix: str = ""
    application: str | None = None
    cors_origins: tuple[str, ...] = ("*",)


class Listener(_Section):
    """Where the server listens, and what it calls itself."""

    host: str = "127.0.0.1"
    port: Port = 8080
    public_url: str | None = None
    trusted_proxies: tuple[str, ...] = ()
    tls_certificate: Path | None = None
    tls_key: Path | None = None


class Limits(_Section):
    """What one request may cost, and how many there may be.

    requests_per_s: of one session, or of one address without a session, in
    dialects whose clients know such a limit. login_attempts: of one login.
    """

    body_bytes: int = Field(default=1_048_576, ge=1024)
    body_timeout_s: float = Field(default=30.0, gt=0)
    list_items: int = Field(default=1000, ge=1)
    requests_per_s: int = Field(default=50, ge=1)
    login_attempts: int = Field(default=10, ge=1)
    login_attempts_per_address: int = Field(default=100, ge=1)
    login_period_s: int = Field(default=900, ge=1)


class Storage(_Section):
    """database_url: None means SQLite in the data directory."""

    database_url: SecretStr | None = None
    pool_size: int = Field(default=8, ge=2)
    readers: int = Field(default=2, ge=1, le=16)
    batch_size: int = Field(default=256, ge=1, le=1024)
    timeout_s: float = Field(default=10.0, gt=0)

    @field_validator("database_url")
    @classmethod
    def _is_postgresql(cls, url: SecretStr | None) -> SecretStr | None:
        """Refuse early what no driver could use, and without showing its password."""
        if url is not None and not _is_postgresql_url(url.get_secret_value()):
            expected = "must be postgresql://user:password@host:port/database"
            raise PydanticCustomError("database_url", "{expected}", {"expected": expected})
        return url


class Delivery(_Section):
    """How the engine works.

    pages_in_flight: of one worker process, one of them for small sends.
    application_pages, application_per_second: what one application may have
    of a worker's pages, and send in a second to one provider; None: as much
    as there is.
    """

    page_size: int = Field(default=1000, ge=1, le=10_000)
    pages_in_flight: int = Field(default=4, ge=1, le=64)
    small_sends: int = Field(default=64, ge=1, le=1000)
    turn_pages: int = Field(default=8, ge=1)
    application_pages: int | None = Field(default=None, ge=1)
    application_per_second: float | None = Field(default=None, gt=0)
    lease_s: float = Field(default=60.0, gt=1)
    poll_s: float = Field(default=1.0, gt=0)
    sweep_s: float = Field(default=1.0, gt=0)
    max_attempts: int = Field(default=12, ge=1)
    request_timeout_s: float = Field(default=20.0, gt=0)


class Retention(_Section):
    """How long what has ended is kept. rows: that one step may delete."""

    departed_days: float = Field(default=30.0, gt=0)
    notifications_days: float = Field(default=30.0, gt=0)
    webhook_events_days: float = Field(default=7.0, gt=1)
    every_s: float = Field(default=60.0, gt=0)
    rows: int = Field(default=500, ge=1, le=10_000)


class Apns(_Section):
    """Where APNs is. ca_file: trust beside the system's, for fakes and proxies.

    channels: where broadcast channels are managed. broadcast: where pushes to
    channels go; None means where the others go.
    """

    production_url: str = "https://api.push.apple.com:443"
    sandbox_url: str = "https://api.sandbox.push.apple.com:443"
    channels_production_url: str = "https://api-manage-broadcast.push.apple.com:2196"
    channels_sandbox_url: str = "https://api-manage-broadcast.sandbox.push.apple.com:2195"
    broadcast_production_url: str | None = None
    broadcast_sandbox_url: str | None = None
    ca_file: Path | None = None


class Fcm(_Section):
    """Where FCM is. The token endpoint comes with each service account.

    topics_api: which of Google's interfaces subscribes devices to topics.
    instance_id_url: where the older one is.
    """

    url: str = "https://fcm.googleapis.com:443"
    ca_file: Path | None = None
    topics_api: Literal["registrations", "instance_id"] = "registrations"
    instance_id_url: str = "https://iid.googleapis.com"


class Wns(_Section):
    """Where WNS' token endpoints are: the Store's, and Entra's before the tenant.

    connections: how many are open at once; each carries one message at a time.
    """

    store_token_url: str = "https://login.live.com/accesstoken.srf"  # noqa: S105 - an address
    entra_url: str = "https://login.microsoftonline.com"
    ca_file: Path | None = None
    connections: int = Field(default=64, ge=1, le=100)


class Sms(_Section):
    """How text messages leave. max_segments: parts of one; longer texts are not sent.

    enquire_link_s: how long an SMPP session may be silent before it is asked
    whether it lives. connections: to HTTP gateways at once.
    """

    max_segments: int = Field(default=10, ge=1, le=255)
    enquire_link_s: float = Field(default=30.0, gt=0)
    ca_file: Path | None = None
    connections: int = Field(default=32, ge=1, le=100)


class WebPush(_Section):
    """Which push services browsers may name, and what is sent to them.

    hosts: exact names, or `*.` and what they end in. payload_limit_bytes: of
    what is encrypted. padding_bytes: it is lengthened to a multiple of this.
    """

    hosts: tuple[str, ...] = (
        "fcm.googleapis.com",
        "*.push.services.mozilla.com",
        "*.push.apple.com",
        "*.notify.windows.com",
        "*.wns.windows.com",
    )
    ca_file: Path | None = None
    payload_limit_bytes: int = Field(default=3000, ge=256, le=3993)
    padding_bytes: int = Field(default=128, ge=1, le=1024)


class Outbound(_Section):
    """Where URLs that customers and devices supply may lead, beside the public internet."""

    allowed_networks: tuple[str, ...] = ()

    @field_validator("allowed_networks")
    @classmethod
    def _are_networks(cls, networks: tuple[str, ...]) -> tuple[str, ...]:
        """Refuse at the start what would refuse every webhook later."""
        for network in networks:
            ip_network(network)
        return networks


class Webhooks(_Section):
    """How customers' endpoints are told. ca_file: trust beside the system's, for fakes.

    endpoints: how many are called side by side. parallel: calls of one endpoint
    at once. timeout_s: for a whole call.
    """

    endpoints: int = Field(default=256, ge=1)
    parallel: int = Field(default=4, ge=1, le=64)
    timeout_s: float = Field(default=15.0, gt=0, le=30)
    poll_s: float = Field(default=1.0, gt=0)
    ca_file: Path | None = None


class Security(_Section):
    """key_file: keys that seal credentials and sign nonces; made at first start.

    None means `keys` in the data directory. cache_ttl_s: how long another
    node's revocation may go unseen.
    """

    key_file: Path | None = None
    cache_ttl_s: float = Field(default=5.0, ge=0)


class Logs(_Section):
    """level: debug, info, warning or error. json_lines: one JSON object per event."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    json_lines: bool = False


class Config(BaseSettings):
    """The whole tree."""

    model_config = SettingsConfigDict(
        env_prefix=_PREFIX, env_nested_delimiter=_NESTING, frozen=True, extra="forbid"
    )

    data: Path = Path("var")
    role: Role = Role.ALL
    default_application: str | None = None
    listener: Listener = Listener()
    limits: Limits = Limits()
    storage: Storage = Storage()
    delivery: Delivery = Delivery()
    retention: Retention = Retention()
    apns: Apns = Apns()
    fcm: Fcm = Fcm()
    wns: Wns = Wns()
    sms: Sms = Sms()
    webpush: WebPush = WebPush()
    outbound: Outbound = Outbound()
    webhooks: Webhooks = Webhooks()
    security: Security = Security()
    logs: Logs = Logs()
    doors: tuple[Door, ...] = ()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read arguments, variables and, where `toml_file` is set, a file."""
        del dotenv_settings, file_secret_settings
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)

    def url_of(self, host: str, port: int) -> str:
        """Answer the address under which links are made: never from a Host header."""
        if self.listener.public_url:
            return self.listener.public_url.rstrip("/")
        scheme = "https" if self.listener.tls_certificate else "http"
        return f"{scheme}://{host}:{port}"


class SettingsError(Exception):
    """Settings that can't be, in sentences that name each wrong key and no value."""


def load(toml_file: Path | None = None, **overrides: Any) -> Config:
    """Read the settings; raises SettingsError."""
    if toml_file is not None and not toml_file.is_file():
        raise SettingsError(f"there is no settings file {toml_file}")

    class FromFile(Config):
        model_config = SettingsConfigDict(toml_file=toml_file)

    loaded: Config | None = None
    wrong = _unknown_variables()
    try:
        loaded = FromFile(**overrides)
    except ValidationError as error:
        wrong += _sentences(error)
    except UnreadableVariableError as error:
        wrong.append(str(error))
    except (TOMLDecodeError, UnicodeDecodeError) as error:
        wrong.append(f"the settings file is not TOML: {error}")
    if wrong or loaded is None:
        # Raised here, without the errors above as its cause: those quote values.
        raise SettingsError("; ".join(wrong))
    return loaded


def _is_postgresql_url(url: str) -> bool:
    scheme, colon, _ = url.partition("://")
    try:
        # A password with a bare "/", "?" or "#" ends up where the port belongs.
        port = urlsplit(url).port
    except ValueError:
        return False
    return scheme in _DATABASE_SCHEMES and bool(colon) and port != 0


def _unknown_variables() -> list[str]:
    """Find variables that look like settings and belong to none: nothing else would read them."""
    known = [name.upper() for name in Config.model_fields]
    wrong = []
    for variable in sorted(os.environ):
        section, nesting, rest = variable.upper().removeprefix(_PREFIX).partition(_NESTING)
        if variable.upper().startswith(_PREFIX) and section not in known:
            near = get_close_matches(section, known, 1)
            wrong.append(_no_such_setting(variable, [f"{_PREFIX}{n}{nesting}{rest}" for n in near]))
    return wrong


def _sentences(error: ValidationError) -> list[str]:
    lines = []
    for problem in error.errors(include_url=False, include_input=False):
        path = [str(part) for part in problem["loc"]]
        name = ".".join(path)
        if problem["type"] == "extra_forbidden":
            near = get_close_matches(path[-1], _names_beside(path), 1)
            lines.append(_no_such_setting(name, near))
        else:
            lines.append(f"{name}: {problem['msg']}")
    return lines


def _no_such_setting(name: str, near: Sequence[str]) -> str:
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return f"there is no setting {name!r}{hint}"


def _names_beside(path: list[str]) -> list[str]:
    """Name the settings that stand where a path's last key was looked for."""
    section: Any = Config
    for part in path[:-1]:
        if part.isdecimal():
            continue
        annotation = section.model_fields[part].annotation
        section = Door if part == "doors" else annotation
    return list(section.model_fields)
