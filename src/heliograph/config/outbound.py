"""The way out, and customers' webhooks."""

from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path

from pydantic import Field, SecretStr, field_validator

from heliograph.config.section import Section


class Outbound(Section):
    """Where URLs that customers and devices supply may lead, and by which way all leaves.

    allowed_networks: beside the public internet. proxy_url: an HTTP proxy that
    opens tunnels. proxy_looks_up: it looks the names of strangers' hosts up,
    and has rules of its own; otherwise we do, and ask it for the address.
    """

    allowed_networks: tuple[str, ...] = ()
    proxy_url: SecretStr | None = None
    proxy_looks_up: bool = False

    @field_validator("allowed_networks")
    @classmethod
    def _are_networks(cls, networks: tuple[str, ...]) -> tuple[str, ...]:
        """Refuse at the start what would refuse every webhook later."""
        for network in networks:
            ip_network(network)
        return networks


class Webhooks(Section):
    """How customers' endpoints are told. ca_file: trust beside the system's, for fakes.

    endpoints: how many are called side by side. parallel: calls of one endpoint
    at once. timeout_s: for a whole call.
    """

    endpoints: int = Field(default=256, ge=1)
    parallel: int = Field(default=4, ge=1, le=64)
    timeout_s: float = Field(default=15.0, gt=0, le=30)
    poll_s: float = Field(default=1.0, gt=0)
    ca_file: Path | None = None
