"""Looks at the certificates that the settings name, before anything starts with them."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, NoReturn

from heliograph.config import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from heliograph.config import Config, Listener


def check_certificates(config: Config) -> None:
    """Raise SettingsError naming every file that can't serve its purpose."""
    wrong = list(_wrong_authorities(config))
    if config.listener.tls_certificate or config.listener.tls_key:
        wrong += _wrong_listener(config.listener)
    if wrong:
        raise SettingsError("; ".join(wrong))


def _wrong_authorities(config: Config) -> Iterator[str]:
    for name, file in (("apns.ca_file", config.apns.ca_file), ("fcm.ca_file", config.fcm.ca_file)):
        if file is None:
            continue
        try:
            ssl.create_default_context(cafile=file)
        except ssl.SSLError:
            yield f"{name}: {file} holds no certificates in PEM"
        except OSError as error:
            yield f"{name}: {file}: {error.strerror}"


def _wrong_listener(listener: Listener) -> Iterator[str]:
    certificate, key = listener.tls_certificate, listener.tls_key
    if certificate is None:
        yield "listener.tls_key needs listener.tls_certificate"
        return
    files = {"listener.tls_certificate": certificate, "listener.tls_key": key or certificate}
    unreadable = [text for name, file in files.items() if (text := _unreadable(name, file))]
    if unreadable:
        yield from unreadable
        return
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(certificate, key, password=_refuse_password)
    except (ssl.SSLError, _EncryptedKeyError):
        pair = str(certificate) if key is None else f"{certificate} and {key}"
        yield (
            f"listener.tls_certificate, listener.tls_key: {pair} are no certificate in PEM "
            "with its own, unencrypted key"
        )


def _unreadable(name: str, file: Path) -> str | None:
    try:
        with file.open("rb"):
            return None
    except OSError as error:
        return f"{name}: {file}: {error.strerror}"


class _EncryptedKeyError(Exception):
    """A key asks for a password, which nobody is there to type."""


def _refuse_password() -> NoReturn:
    raise _EncryptedKeyError
