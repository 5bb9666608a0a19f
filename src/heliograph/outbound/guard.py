"""The guard for every URL that a customer or a device supplies.

Web Push endpoints, WNS channels, webhooks, SMS gateways, JWKS: all of them
could make us speak to ourselves, to a cloud's metadata service or into the
operator's network. Two checks, and both are needed: `check_url` looks at the
text when it is stored, and `Guard` looks at the addresses themselves when a
connection is made, and connects to exactly those. Redirects are never
followed and no proxy is taken from the environment, by the clients' own rules.
Where the operator set a proxy, it is asked for the address that was checked.

Source: docs/decisions/0020-outgoing-urls.md.
"""

from __future__ import annotations

import errno
import re
import socket
from contextlib import closing
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Any, Final

from aiohttp.abc import AbstractResolver, ResolveResult

from heliograph.outbound.addresses import Address, AddressClass, Network, carried, classify
from heliograph.outbound.http2.dial import AddressInfo, open_socket, start_tls
from heliograph.outbound.lookups import Lookups

if TYPE_CHECKING:
    import asyncio
    import ssl
    from collections.abc import Awaitable, Callable, Iterable, Sequence

    from heliograph.outbound.http2.proxy import Proxy

_LONGEST_URL: Final = 2048
_LONGEST_HOST: Final = 253
_PRIVILEGED_PORTS: Final = 1024
_LARGEST_PORT: Final = 65535
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}

# Our own reading, for a URL that two parsers read differently is a way in. No
# userinfo, no fragment, nothing but RFC 3986's characters, and no default for
# anything that is missing.
_URL: Final = re.compile(
    r"(?P<scheme>[A-Za-z]+)://"
    r"(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)"
    r"(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<target>(?:/(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})*)?"
    r"(?:\?(?:[A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*)?)"
)
_LABEL: Final = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
# What resolvers and URL parsers take for a number, and so a host for an IPv4
# address (WHATWG URL, "ends in a number checker"): 2130706433, 0x7f.1, 0177.1.
_NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*")
# Names that never lead to the internet (RFC 6761, RFC 6762, RFC 8375, ICANN's .internal).
_INNER_SUFFIXES: Final = (
    ".localhost",
    ".local",
    ".localdomain",
    ".internal",
    ".intranet",
    ".lan",
    ".corp",
    ".home",
    ".home.arpa",
    ".in-addr.arpa",
    ".ip6.arpa",
)


class Refusal(StrEnum):
    """Why a URL is refused; each completes "the URL must …" in `UrlRefused.expected`."""

    MALFORMED = "malformed"
    SCHEME = "scheme"
    PORT = "port"
    HOST = "host"
    ADDRESS = "address"


class UrlRefused(ValueError):
    """A URL that may not be used. expected: a phrase that completes "must be …"."""

    def __init__(self, refusal: Refusal, expected: str) -> None:
        super().__init__(f"must be {expected}")
        self.refusal = refusal
        self.expected = expected


class AddressRefused(OSError):
    """A host leads, now, to where it may not lead. Names no address: who asked may not know it."""

    def __init__(self) -> None:
        # With a number, as aiohttp shows nothing of an error that has none.
        super().__init__(errno.EACCES, "the host's address may not be reached")


@dataclass(frozen=True, slots=True)
class UrlRule:
    """What a kind of URL may be.

    hosts: exact names, or `*.example.com` for all names below one; None: any.
    has_any_port: besides the scheme's own, every port from 1024 on; the ones
    below belong to mail, shells and databases that might misread us.
    """

    schemes: frozenset[str] = frozenset({"https"})
    hosts: tuple[str, ...] | None = None
    has_any_port: bool = False


HTTPS: Final = UrlRule()
"""https at port 443, any public host: what a push service or an issuer has."""

WEBHOOK: Final = UrlRule(has_any_port=True)
"""https at a port of the customer's choice."""

PLAIN_OR_TLS: Final = UrlRule(schemes=frozenset({"http", "https"}), has_any_port=True)
"""Where documented clients use http: MobileFirst's webhooks, SMS gateways."""


@dataclass(frozen=True, slots=True)
class CheckedUrl:
    """A URL that passed, taken apart. url: put together again from its parts; use this one.

    host: lower case, an IPv6 address without brackets. target: path and query.
    """

    url: str
    scheme: str
    host: str
    port: int
    target: str


def check_url(url: str, rule: UrlRule = HTTPS, networks: Sequence[Network] = ()) -> CheckedUrl:
    """Let a URL pass, by its text alone; raises UrlRefused.

    networks: the operator's own that may be reached; within them http, any
    port and hosts beyond the list are fine. What a name leads to can only be
    seen when it is connected to: that is `Guard`'s.
    """
    parts = _URL.fullmatch(url) if len(url) <= _LONGEST_URL else None
    if parts is None:
        raise UrlRefused(Refusal.MALFORMED, "a URL in ASCII without user, password or fragment")
    scheme, host = parts["scheme"].lower(), parts["host"].lower()
    if scheme not in _DEFAULT_PORTS:
        raise UrlRefused(Refusal.SCHEME, f"a URL of {_listed(rule.schemes)}")
    port = int(parts["port"] or _DEFAULT_PORTS[scheme])
    if not 0 < port <= _LARGEST_PORT:
        raise UrlRefused(Refusal.PORT, "a URL with a port from 1 to 65535")
    address = _literal(host)
    if not _is_own(host, address, networks):
        _check_rule(rule, scheme, port, host)
        if address is None:
            _check_name(host, networks)
        elif classify(address) is not AddressClass.PUBLIC:
            raise UrlRefused(Refusal.ADDRESS, "a URL of a public address")
    if address is not None:
        host = str(address)
    shown_host = f"[{host}]" if ":" in host else host
    shown_port = "" if port == _DEFAULT_PORTS[scheme] else f":{port}"
    target = parts["target"]
    if not target.startswith("/"):
        target = f"/{target}"
    return CheckedUrl(f"{scheme}://{shown_host}{shown_port}{target}", scheme, host, port, target)


def may_reach(address: str, networks: Sequence[Network] = ()) -> bool:
    """Say whether a resolved address may be connected to."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    return classify(parsed) is AddressClass.PUBLIC or _is_within(parsed, networks)


class Guard:
    """Checks URLs, and the addresses behind them at the moment of connecting.

    allowed: the operator's own networks that strangers' URLs may reach, such
    as `127.0.0.0/8` in the demo. look_up: name and port to addresses, else the system's. proxy:
    the way to all but the operator's own networks. proxy_looks_up: it has
    rules of its own about what names lead to. Raises ValueError for what is
    no network.
    """

    def __init__(
        self,
        allowed: Iterable[str] = (),
        look_up: Callable[[str, int], Awaitable[Sequence[AddressInfo]]] | None = None,
        *,
        proxy: Proxy | None = None,
        proxy_looks_up: bool = False,
    ) -> None:
        self._networks = tuple(ip_network(each) for each in allowed)
        self._look_up = look_up or Lookups()
        self._proxy_looks_up = proxy_looks_up
        self.proxy = proxy

    def check_url(self, url: str, rule: UrlRule = HTTPS) -> CheckedUrl:
        """Let a URL pass, by its text alone; raises UrlRefused."""
        return check_url(url, rule, self._networks)

    async def resolve(self, host: str, port: int) -> Sequence[AddressInfo]:
        """Look a host up; raises OSError, of which AddressRefused is one.

        One bad address refuses them all: an honest host has none, and a
        connection that falls from a good one to a bad one is the trick.
        """
        found = await self._look_up(host, port)
        if not all(may_reach(str(info[4][0]), self._networks) for info in found):
            raise AddressRefused
        return found

    async def dial(
        self,
        host: str,
        port: int,
        tls: ssl.SSLContext,
        make_protocol: Callable[[], asyncio.BaseProtocol],
    ) -> None:
        """Connect a new protocol to a host; give this to an HTTP/2 sender as `dial`.

        Raises OSError, of which AddressRefused is one, or ValueError.
        """
        await start_tls(await self.connect(host, port), host, tls, make_protocol)

    async def connect(self, host: str, port: int) -> socket.socket:
        """Return a socket whose other end is a host; raises OSError as `dial` does."""
        address = await self.beyond_proxy(host, port)
        if self.proxy is not None and address is not None:
            return await self.proxy.connect(address, port)
        return await open_socket(host, port, resolve=self.resolve)

    async def beyond_proxy(self, host: str, port: int) -> str | None:
        """Say what the proxy is to be asked for: an address that passed, or the host itself.

        None: there is no proxy, or the host is in a network of the
        operator's own, to which no proxy leads. Raises OSError, of which
        AddressRefused is one.
        """
        if self.proxy is None:
            return None
        is_name = ":" not in host and _NUMBER.fullmatch(host.rpartition(".")[2]) is None
        if self._proxy_looks_up and is_name and not self._networks:
            return host
        try:
            found = await self.resolve(host, port)
        except AddressRefused:
            raise
        except OSError:
            if self._proxy_looks_up:
                # Behind such a proxy there may be no names but the inner ones.
                return host
            raise
        addresses = [str(info[4][0]) for info in found]
        if all(_is_within(ip_address(each), self._networks) for each in addresses):
            return None
        if self._proxy_looks_up:
            return host
        # IPv4 first: of the two it is the one that every proxy has.
        return min(addresses, key=lambda each: ":" in each)

    def resolver(self) -> AbstractResolver:
        """Answer the hook for aiohttp: what it resolves is what is connected to."""
        return _Resolver(self)

    def make_socket(self, info: tuple[Any, ...]) -> socket.socket:
        """Open an unconnected socket for one address; raises AddressRefused.

        aiohttp asks no resolver about hosts that are addresses already; this
        is the last place before each connection, so nothing goes round it.
        """
        family, kind, protocol, _, target = info
        candidate = socket.socket(family, kind, protocol)
        if not may_reach(str(target[0]), self._networks):
            with closing(candidate):
                raise AddressRefused
        return candidate


class _Resolver(AbstractResolver):
    def __init__(self, guard: Guard) -> None:
        self._guard = guard

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Look a host up by the guard's rules; raises OSError."""
        del family  # Both: a name's IPv6 addresses are checked like the others.
        return [
            ResolveResult(
                hostname=host,
                host=str(info[4][0]),
                port=port,
                family=info[0],
                proto=info[2],
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for info in await self._guard.resolve(host, port)
        ]

    async def close(self) -> None:
        """Nothing is held."""


def _literal(host: str) -> Address | None:
    """Read a host that is an address; raises UrlRefused for the odd spellings of one."""
    try:
        if host.startswith("["):
            return ip_address(host[1:-1])
        if _NUMBER.fullmatch(host.rstrip(".").rpartition(".")[2]):
            return ip_address(host)
    except ValueError:
        raise UrlRefused(Refusal.ADDRESS, "a URL with an address in its usual form") from None
    return None


def _check_rule(rule: UrlRule, scheme: str, port: int, host: str) -> None:
    if scheme not in rule.schemes:
        raise UrlRefused(Refusal.SCHEME, f"a URL of {_listed(rule.schemes)}")
    is_usual = port == _DEFAULT_PORTS[scheme]
    if not is_usual and not (rule.has_any_port and port >= _PRIVILEGED_PORTS):
        above = " or one from 1024 on" if rule.has_any_port else ""
        raise UrlRefused(Refusal.PORT, f"a URL at port {_DEFAULT_PORTS[scheme]}{above}")
    if rule.hosts is not None and not any(_is_match(host, each) for each in rule.hosts):
        raise UrlRefused(Refusal.HOST, "a URL of a host that is listed for this purpose")


def _check_name(host: str, networks: Sequence[Network]) -> None:
    labels = host.split(".")
    if len(host) > _LONGEST_HOST or not all(map(_LABEL.fullmatch, labels)):
        raise UrlRefused(Refusal.HOST, "a URL with a host name")
    # Where networks are open, their names may be anything: the address decides.
    if networks:
        return
    if len(labels) == 1 or f".{host}".endswith(_INNER_SUFFIXES):
        raise UrlRefused(Refusal.HOST, "a URL of a public host name")


def _is_own(host: str, address: Address | None, networks: Sequence[Network]) -> bool:
    if address is not None:
        return _is_within(address, networks)
    # The one name whose address is certain (RFC 6761, section 6.3).
    return host == "localhost" and _is_within(ip_address("127.0.0.1"), networks)


def _is_within(address: Address, networks: Sequence[Network]) -> bool:
    plain = carried(address)
    return any(plain in network for network in networks if network.version == plain.version)


def _is_match(host: str, pattern: str) -> bool:
    if pattern.startswith("*."):
        return host.endswith(pattern[1:]) and len(host) >= len(pattern)
    return host == pattern


def _listed(schemes: Iterable[str]) -> str:
    return " or ".join(sorted(schemes))
