"""Where the server listens, what requests may cost, and what it says of itself."""

from __future__ import annotations

from enum import StrEnum
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from heliograph.config.section import Section

Port = Annotated[int, Field(ge=0, le=65535)]


class Role(StrEnum):
    """Which half of the server a process runs."""

    ALL = "all"
    API = "api"
    WORKER = "worker"


def _is_base(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    is_clean = not (parts.query or parts.fragment) and "@" not in parts.netloc
    return parts.scheme in ("http", "https") and bool(parts.hostname) and is_clean


class Door(Section):
    """One dialect at one place. host: only for this Host; prefix: path before it.

    application: spelled id of the application for calls that name none.
    """

    dialect: str
    is_open: bool = True
    host: str | None = None
    prefix: str = ""
    application: str | None = None
    cors_origins: tuple[str, ...] = ("*",)


class Listener(Section):
    """Where the server listens, and what it calls itself."""

    host: str = "127.0.0.1"
    port: Port = 8080
    public_url: str | None = None
    trusted_proxies: tuple[str, ...] = ()
    tls_certificate: Path | None = None
    tls_key: Path | None = None

    @field_validator("public_url")
    @classmethod
    def _is_whole(cls, url: str | None) -> str | None:
        """Refuse what would make every `Location` and link one that leads nowhere."""
        if url and not _is_base(url):
            raise PydanticCustomError("url", "must be https://host, with a path at most")
        return url

    @field_validator("trusted_proxies")
    @classmethod
    def _are_networks(cls, networks: tuple[str, ...]) -> tuple[str, ...]:
        """Refuse what is no address and no network, by the setting's name."""
        for network in networks:
            ip_network(network, strict=False)
        return networks


class Limits(Section):
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


class Security(Section):
    """key_file: keys that seal credentials and sign nonces; made at first start.

    None means `keys` in the data directory. cache_ttl_s: how long another
    node's revocation may go unseen.
    """

    key_file: Path | None = None
    cache_ttl_s: float = Field(default=5.0, ge=0)


class Logs(Section):
    """level: debug, info, warning or error. json_lines: one JSON object per event."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    json_lines: bool = False
