"""Push certificates as Apple's developer pages hand them out, and as APNs reads them.

Source: docs/providers/apns.md, "Certificates".
"""

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from heliograph.simulators.apns.provider_tokens import ApnsKey, ConnectionTokens
from heliograph.simulators.apns.reasons import Refused
from heliograph.simulators.apns.topics import known_suffix_of
from heliograph.simulators.certificates import write_private

SANDBOX_MARK: Final = x509.ObjectIdentifier("1.2.840.113635.100.6.3.1")
PRODUCTION_MARK: Final = x509.ObjectIdentifier("1.2.840.113635.100.6.3.2")
TOPICS_MARK: Final = x509.ObjectIdentifier("1.2.840.113635.100.6.3.6")
PASSWORD: Final = "heliograph"  # noqa: S105 - of the demo certificate, which only a fake trusts
CLIENT_CA_FILE: Final = "apns-client-ca.pem"
P12_FILE: Final = "apns-certificate.p12"
_LIFETIME: Final = dt.timedelta(days=800)
_SEQUENCE: Final = 0x30
_UTF8: Final = 0x0C
_LONG: Final = 0x80
_SUFFIXES: Final = ("", ".voip", ".complication")
"""Topics that an app's certificate lists."""


@dataclass(frozen=True, slots=True)
class PushCertificate:
    """A certificate with its key in PKCS#12, and the authority that APNs trusts for it."""

    p12: bytes = field(repr=False)
    ca_pem: bytes
    password: str = field(repr=False, default=PASSWORD)


def make_push_certificate(
    bundle_id: str,
    *,
    marks: Sequence[x509.ObjectIdentifier] = (SANDBOX_MARK, PRODUCTION_MARK),
    now: dt.datetime,
    lifetime: dt.timedelta = _LIFETIME,
) -> PushCertificate:
    """Issue a certificate for an app's topics; marks: Apple's extensions for environments."""
    ca_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    ca_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Heliograph push certificates")])
    ca = (
        _builder(ca_name, ca_name, ca_key, now, max(lifetime, _LIFETIME))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(ca_key, hashes.SHA256())
    )
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.USER_ID, bundle_id),
            x509.NameAttribute(NameOID.COMMON_NAME, f"Apple Push Services: {bundle_id}"),
        ]
    )
    builder = (
        _builder(subject, ca_name, key, now, lifetime)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
    )
    for mark in marks:
        builder = builder.add_extension(
            x509.UnrecognizedExtension(mark, b"\x05\x00"), critical=False
        )
    if marks:
        listed = _spell_topics([bundle_id + suffix for suffix in _SUFFIXES])
        builder = builder.add_extension(
            x509.UnrecognizedExtension(TOPICS_MARK, listed), critical=False
        )
    own = builder.sign(ca_key, hashes.SHA256())
    p12 = pkcs12.serialize_key_and_certificates(
        b"apns", key, own, None, serialization.BestAvailableEncryption(PASSWORD.encode())
    )
    return PushCertificate(p12, ca.public_bytes(serialization.Encoding.PEM))


def ensure_push_certificate(
    directory: Path, bundle_id: str, *, now: dt.datetime
) -> PushCertificate:
    """Load the demo certificate from the directory, making it where it is missing."""
    p12_file, ca_file = directory / P12_FILE, directory / CLIENT_CA_FILE
    if not (p12_file.exists() and ca_file.exists()):
        made = make_push_certificate(bundle_id, now=now)
        write_private(p12_file, made.p12)
        write_private(ca_file, made.ca_pem)
    return PushCertificate(p12_file.read_bytes(), ca_file.read_bytes())


class CertifiedApp(ApnsKey):
    """What a connection with a certificate may push to: the topics that it lists."""

    def suffix_of(self, topic: bytes) -> bytes | None:
        """Return what the topic adds to the bundle id; None if it is not listed."""
        return known_suffix_of(topic) if topic in (self.topics or ()) else None


class CertifiedConnection(ConnectionTokens):
    """A connection that showed a certificate: provider tokens are ignored on it."""

    def __init__(self, certificate: bytes) -> None:
        """certificate: DER, already verified by TLS."""
        read = x509.load_der_x509_certificate(certificate)
        topics: frozenset[bytes] = frozenset()
        for extension in read.extensions:
            if extension.oid == TOPICS_MARK:
                topics = frozenset(_read_topics(extension.value.public_bytes()))
        key = read.public_key()
        self._app: ApnsKey | None = None
        if isinstance(key, ec.EllipticCurvePublicKey):
            self._app = CertifiedApp("", "", key, topics)

    @property
    def is_bound(self) -> bool:
        """Whether it is known who sends: TLS has said so."""
        return True

    def admit(self, authorization: bytes | None, *, now: dt.datetime) -> ApnsKey | Refused:
        """Let pass whatever the certificate allows."""
        del authorization, now
        return self._app or Refused("BadCertificate")


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    now: dt.datetime,
    lifetime: dt.timedelta,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + lifetime)
    )


def _spell_topics(topics: Sequence[str]) -> bytes:
    """Spell the extension in DER: each topic, and after it a sequence with what it is for."""
    use = _spell(_SEQUENCE, _spell(_UTF8, b"app"))
    return _spell(_SEQUENCE, b"".join(_spell(_UTF8, topic.encode()) + use for topic in topics))


def _spell(tag: int, content: bytes) -> bytes:
    size = len(content)
    if size < _LONG:
        return bytes([tag, size]) + content
    digits = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, _LONG | len(digits)]) + digits + content


def _read_topics(der: bytes) -> Iterator[bytes]:
    """Read the topics back: the strings right inside the outer sequence."""
    _, inner, _ = _read(der)
    while inner:
        tag, content, inner = _read(inner)
        if tag == _UTF8:
            yield content


def _read(der: bytes) -> tuple[int, bytes, bytes]:
    """Take one value off: its tag, its content, and what follows it."""
    size, start = der[1], 2
    if size & _LONG:
        start += size & ~_LONG
        size = int.from_bytes(der[2:start], "big")
    return der[0], der[start : start + size], der[start + size :]
