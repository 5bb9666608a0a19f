"""TLS for outbound connections."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class ClientCertificate:
    """A client certificate in PEM files; the key may stand in the certificate's file."""

    certificate_file: Path
    key_file: Path | None = None
    key_password: str | None = None


def client_tls(
    ca_file: Path | None = None, client_certificate: ClientCertificate | None = None
) -> ssl.SSLContext:
    """Build a context for HTTP/2: TLS 1.2 or newer, ALPN h2, the server's name checked.

    ca_file: trusted instead of the system's authorities. Raises OSError for
    files that cannot be read or used.
    """
    context = plain_client_tls(ca_file, client_certificate)
    context.set_alpn_protocols(["h2"])
    return context


def shared_client_tls(ca_file: Path | None = None) -> ssl.SSLContext:
    """Answer a context for HTTP/1.1 that others may hold as well: leave it as it is.

    Reading the system's authorities takes 20 ms and a megabyte: once is enough.
    """
    return _system_tls() if ca_file is None else plain_client_tls(ca_file)


@cache
def _system_tls() -> ssl.SSLContext:
    return plain_client_tls()


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
