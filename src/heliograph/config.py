"""Every setting of the server, one frozen tree.

Values come, strongest first, from the command line, from variables
(`HELIOGRAPH_PUBLIC_URL`, nested with two underscores:
`HELIOGRAPH_STORAGE__READERS`) and from a TOML file. An unknown key stops the
start-up. Each setting is described in docs/configuration.md.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, SecretStr
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

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
    """What one request may cost."""

    body_bytes: int = Field(default=1_048_576, ge=1024)
    body_timeout_s: float = Field(default=30.0, gt=0)
    list_items: int = Field(default=1000, ge=1)


class Storage(_Section):
    """database_url: None means SQLite in the data directory."""

    database_url: SecretStr | None = None
    pool_size: int = Field(default=8, ge=2)
    readers: int = Field(default=2, ge=1, le=16)
    batch_size: int = Field(default=256, ge=1, le=1024)
    timeout_s: float = Field(default=10.0, gt=0)


class Delivery(_Section):
    """How the engine works."""

    page_size: int = Field(default=1000, ge=1, le=10_000)
    pages_in_flight: int = Field(default=4, ge=1, le=64)
    lease_s: float = Field(default=60.0, gt=1)
    poll_s: float = Field(default=1.0, gt=0)
    sweep_s: float = Field(default=1.0, gt=0)
    max_attempts: int = Field(default=12, ge=1)
    request_timeout_s: float = Field(default=20.0, gt=0)


class Apns(_Section):
    """Where APNs is. ca_file: trust beside the system's, for fakes and proxies."""

    production_url: str = "https://api.push.apple.com:443"
    sandbox_url: str = "https://api.sandbox.push.apple.com:443"
    ca_file: Path | None = None


class Fcm(_Section):
    """Where FCM is. The token endpoint comes with each service account."""

    url: str = "https://fcm.googleapis.com:443"
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

    level: str = "info"
    json_lines: bool = False


class Config(BaseSettings):
    """The whole tree."""

    model_config = SettingsConfigDict(
        env_prefix="HELIOGRAPH_", env_nested_delimiter="__", frozen=True, extra="forbid"
    )

    data: Path = Path("var")
    role: Role = Role.ALL
    default_application: str | None = None
    listener: Listener = Listener()
    limits: Limits = Limits()
    storage: Storage = Storage()
    delivery: Delivery = Delivery()
    apns: Apns = Apns()
    fcm: Fcm = Fcm()
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
        """The address under which links are made: never from a Host header."""
        if self.listener.public_url:
            return self.listener.public_url.rstrip("/")
        scheme = "https" if self.listener.tls_certificate else "http"
        return f"{scheme}://{host}:{port}"


def load(toml_file: Path | None = None, **overrides: Any) -> Config:
    """Read the settings; raises pydantic.ValidationError naming each wrong key."""

    class FromFile(Config):
        model_config = SettingsConfigDict(toml_file=toml_file)

    return FromFile(**overrides)
