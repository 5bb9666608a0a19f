"""Whose address a request comes from, believing only proxies that we trust."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

Network = IPv4Network | IPv6Network


def networks_of(trusted_proxies: Sequence[str]) -> tuple[Network, ...]:
    """Read the setting: addresses and networks; raises ValueError for anything else."""
    return tuple(ip_network(text, strict=False) for text in trusted_proxies)


def client_address(
    peer: str | None, forwarded_for: Sequence[str], trusted: Sequence[Network]
) -> str | None:
    """Say who the client is.

    forwarded_for: the X-Forwarded-For headers in their order. Each proxy
    appends whom it saw, so the list is read from its end, for as long as
    the one who wrote an entry is trusted.
    """
    address = peer
    if not trusted:
        return address
    hops = [hop.strip() for line in forwarded_for for hop in line.split(",")]
    while hops and address is not None and _is_trusted(address, trusted):
        hop = hops.pop()
        if not _is_address(hop):
            break
        address = hop
    return address


def _is_trusted(address: str, trusted: Sequence[Network]) -> bool:
    return _is_address(address) and any(ip_address(address) in network for network in trusted)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
