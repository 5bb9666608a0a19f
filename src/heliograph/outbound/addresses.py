"""What kind of place an IP address is; pure.

The tables are written out: Python's own `is_private` and `is_global` changed
between patch releases, and say nothing about addresses that carry others.
"""

from __future__ import annotations

from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


class AddressClass(StrEnum):
    """Where an address leads. Only PUBLIC is for strangers' URLs."""

    PUBLIC = "public"
    LOOPBACK = "loopback"
    UNSPECIFIED = "unspecified"
    PRIVATE = "private"
    SHARED = "shared"
    LINK_LOCAL = "link_local"
    METADATA = "metadata"
    MULTICAST = "multicast"
    RESERVED = "reserved"
    TUNNEL = "tunnel"


# The first match counts, so what lies within another stands before it.
# Source: IANA, IPv4 Special-Purpose Address Registry.
_V4_CLASSES: Final = tuple(
    (IPv4Network(block), kind)
    for block, kind in (
        ("169.254.169.254/32", AddressClass.METADATA),  # AWS, Azure, Google, and most others
        ("169.254.170.0/24", AddressClass.METADATA),  # AWS: credentials of containers
        ("100.100.100.200/32", AddressClass.METADATA),  # Alibaba
        ("192.0.0.192/32", AddressClass.METADATA),  # Oracle
        ("168.63.129.16/32", AddressClass.METADATA),  # Azure, and a public address by its looks
        ("0.0.0.0/8", AddressClass.UNSPECIFIED),
        ("10.0.0.0/8", AddressClass.PRIVATE),
        ("100.64.0.0/10", AddressClass.SHARED),
        ("127.0.0.0/8", AddressClass.LOOPBACK),
        ("169.254.0.0/16", AddressClass.LINK_LOCAL),
        ("172.16.0.0/12", AddressClass.PRIVATE),
        ("192.0.0.0/24", AddressClass.RESERVED),
        ("192.0.2.0/24", AddressClass.RESERVED),
        ("192.88.99.0/24", AddressClass.TUNNEL),
        ("192.168.0.0/16", AddressClass.PRIVATE),
        ("198.18.0.0/15", AddressClass.RESERVED),
        ("198.51.100.0/24", AddressClass.RESERVED),
        ("203.0.113.0/24", AddressClass.RESERVED),
        ("224.0.0.0/4", AddressClass.MULTICAST),
        ("240.0.0.0/4", AddressClass.RESERVED),
    )
)

# Source: IANA, IPv6 Special-Purpose Address Registry.
_V6_CLASSES: Final = tuple(
    (IPv6Network(block), kind)
    for block, kind in (
        ("fd00:ec2::254/128", AddressClass.METADATA),  # AWS
        ("fd20:ce::254/128", AddressClass.METADATA),  # Google
        ("::/128", AddressClass.UNSPECIFIED),
        ("::1/128", AddressClass.LOOPBACK),
        ("64:ff9b:1::/48", AddressClass.TUNNEL),  # NAT64 of one network, prefix unknown to us
        ("2001::/23", AddressClass.TUNNEL),  # Teredo, ORCHID and what else IETF tries out
        ("2001:db8::/32", AddressClass.RESERVED),
        ("2002::/16", AddressClass.TUNNEL),  # 6to4
        ("3fff::/20", AddressClass.RESERVED),
        ("fc00::/7", AddressClass.PRIVATE),
        ("fe80::/10", AddressClass.LINK_LOCAL),
        ("fec0::/10", AddressClass.PRIVATE),  # site-local, deprecated, still routed in places
        ("ff00::/8", AddressClass.MULTICAST),
    )
)

# Only this was ever given out (RFC 4291, section 2.4): the rest is refused unnamed.
_V6_GLOBAL: Final = IPv6Network("2000::/3")
# These carry an IPv4 address in their last 32 bits, and lead to it.
_V4_CARRIERS: Final = (
    IPv6Network("::ffff:0:0/96"),  # IPv4-mapped: the kernel speaks IPv4
    IPv6Network("64:ff9b::/96"),  # NAT64 (RFC 6052): a gateway does
)
# ISATAP (RFC 5214): any prefix, then 0:5efe or 200:5efe, then an IPv4 address.
_ISATAP: Final = frozenset({0x0000_5EFE, 0x0200_5EFE})
_LOW_32_BITS: Final = 0xFFFF_FFFF


def classify(address: Address | str) -> AddressClass:
    """Say where an address leads; raises ValueError for text that is none.

    An IPv6 address that carries an IPv4 one leads where that leads. One with
    a zone is link-local whatever it says: zones exist on one machine only.
    """
    if isinstance(address, str):
        address = ip_address(address)
    if isinstance(address, IPv6Address) and address.scope_id is not None:
        return AddressClass.LINK_LOCAL
    plain = carried(address)
    if isinstance(plain, IPv4Address):
        found = (kind for block, kind in _V4_CLASSES if plain in block)
        return next(found, AddressClass.PUBLIC)
    for block, kind in _V6_CLASSES:
        if plain in block:
            return kind
    if plain not in _V6_GLOBAL:
        return AddressClass.RESERVED
    is_isatap = (int(plain) >> 32) & _LOW_32_BITS in _ISATAP
    return AddressClass.TUNNEL if is_isatap else AddressClass.PUBLIC


def carried(address: Address) -> Address:
    """Answer the IPv4 address that an IPv6 one stands for, else the address itself."""
    if isinstance(address, IPv6Address) and any(address in block for block in _V4_CARRIERS):
        return IPv4Address(int(address) & _LOW_32_BITS)
    return address
