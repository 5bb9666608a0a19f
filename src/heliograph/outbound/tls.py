"""TLS for outbound connections.

Reading the system's authorities takes 20 ms and a megabyte. Contexts that show
no certificate are therefore made once for each choice of authorities and
protocols, and shared: whoever is given one leaves it as it is.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

HTTP2: Final = ("h2",)
EITHER: Final = ("h2", "http/1.1")
_KEPT: Final = 32


@dataclass(frozen=True, slots=True)
class ClientCertificate:
    """A client certificate in PEM files; the key may stand in the certificate's file."""

    certificate_file: Path
    key_file: Path | None = None
    key_password: str | None = None


@dataclass(frozen=True, slots=True)
class _AuthoritiesFile:
    """A file of authorities as it is now: one that was replaced is another."""

    path: Path
    inode: int
    modified_ns: int
    size_bytes: int


def client_tls(
    ca_file: Path | None = None, client_certificate: ClientCertificate | None = None
) -> ssl.SSLContext:
    """Answer a context for HTTP/2: TLS 1.2 or newer, ALPN h2, the server's name checked.

    ca_file: trusted instead of the system's authorities. Raises OSError for
    files that cannot be read or used.
    """
    if client_certificate is None:
        return _shared(_file(ca_file), HTTP2, beside_system=False)
    context = plain_client_tls(ca_file, client_certificate)
    context.set_alpn_protocols(HTTP2)
    return context


def shared_client_tls(ca_file: Path | None = None) -> ssl.SSLContext:
    """Answer a context for HTTP/1.1, otherwise as `client_tls`."""
    return _shared(_file(ca_file), (), beside_system=False)


def broad_client_tls(ca_file: Path | None, protocols: tuple[str, ...] = ()) -> ssl.SSLContext:
    """Answer a context that trusts a file of authorities beside the system's."""
    return _shared(_file(ca_file), protocols, beside_system=True)


def plain_client_tls(
    ca_file: Path | None = None, client_certificate: ClientCertificate | None = None
) -> ssl.SSLContext:
    """Build a context for HTTP/1.1 that is nobody else's, otherwise as `client_tls`."""
    context = ssl.create_default_context(cafile=ca_file)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if client_certificate is not None:
        context.load_cert_chain(
            client_certificate.certificate_file,
            client_certificate.key_file,
            client_certificate.key_password,
        )
    return context


def _file(path: Path | None) -> _AuthoritiesFile | None:
    if path is None:
        return None
    found = path.stat()
    return _AuthoritiesFile(path, found.st_ino, found.st_mtime_ns, found.st_size)


@lru_cache(maxsize=_KEPT)
def _shared(
    file: _AuthoritiesFile | None, protocols: tuple[str, ...], *, beside_system: bool
) -> ssl.SSLContext:
    path = file.path if file is not None else None
    context = plain_client_tls(None if beside_system else path)
    if beside_system and path is not None:
        context.load_verify_locations(path)
    if protocols:
        context.set_alpn_protocols(protocols)
    return context
