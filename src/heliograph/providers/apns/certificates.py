"""Client certificates: read from what Apple hands out, checked, and put into a TLS context.

Source: docs/providers/apns.md, "Certificates".
"""

from __future__ import annotations

import re
import secrets
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID

from heliograph.core.applications.provider_settings import CredentialFile
from heliograph.core.errors import InvalidRequest, Problem, ProblemKind
from heliograph.core.model.application import ApnsCertificate, ApnsCredential
from heliograph.core.model.registration import Environment
from heliograph.outbound.tls import ClientCertificate, client_tls
from heliograph.providers.apns.settings import check_credential

if TYPE_CHECKING:
    import ssl
    from collections.abc import Sequence
    from datetime import datetime

    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

    from heliograph.core.model.application import Secret

_APPLE: Final = "1.2.840.113635.100.6.3."
SANDBOX_MARK: Final = x509.ObjectIdentifier(f"{_APPLE}1")
PRODUCTION_MARK: Final = x509.ObjectIdentifier(f"{_APPLE}2")
TOPICS_MARK: Final = x509.ObjectIdentifier(f"{_APPLE}6")
"""Apple's extensions: which environments a certificate is for, and which topics."""

_MARKS: Final = {Environment.SANDBOX: SANDBOX_MARK, Environment.PRODUCTION: PRODUCTION_MARK}
_MDM_TOPIC: Final = "com.apple.mgmt."
_DER_SEQUENCE: Final = b"\x30"
_CERTIFICATE: Final = ("certificate",)
_PASSWORD: Final = ("password",)
_pem_blocks: Final = re.compile(
    r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL
).findall


class UnusableCertificate(Exception):
    """The certificate opens no connection; the text says why, without quoting it."""


@dataclass(frozen=True, slots=True)
class CertificateFacts:
    """What a certificate says of itself. bundle_id: its subject's user id."""

    bundle_id: str | None
    environments: frozenset[Environment]
    is_apples: bool
    not_before: datetime
    not_after: datetime


def certificate_from_pkcs12(raw: bytes, password: str | None = None) -> ApnsCertificate:
    """Read a `.p12` file; raises InvalidRequest naming `certificate` or `password`."""
    if raw[:1] != _DER_SEQUENCE:
        raise _refusal(_CERTIFICATE, ProblemKind.MALFORMED, "a PKCS#12 file")
    secret = password.encode("utf-8", "replace") if password else None
    try:
        key, certificate, others = pkcs12.load_key_and_certificates(raw, secret)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # The library can't tell a wrong password from a damaged file; a password is likelier.
        expected = "the password of this PKCS#12 file"
        raise _refusal(_PASSWORD, ProblemKind.NOT_ALLOWED, expected) from None
    if key is None or certificate is None:
        expected = "a PKCS#12 file with a certificate and its private key"
        raise _refusal(_CERTIFICATE, ProblemKind.MALFORMED, expected)
    return _joined(key, [certificate, *others])


def read_file(raw: bytes, password: str | None) -> CredentialFile:
    """Read a `.p12` file and what it says of itself; raises InvalidRequest likewise."""
    certificate = certificate_from_pkcs12(raw, password)
    facts = facts_of(certificate)
    return CredentialFile(certificate, facts.bundle_id, facts.not_after)


def certificate_from_pem(text: str, password: str | None = None) -> ApnsCertificate:
    """Read a certificate and its key in PEM; raises InvalidRequest likewise."""
    expected = "a certificate and its private key in PEM"
    try:
        chain = [x509.load_pem_x509_certificate(block.encode()) for block in _pem_blocks(text)]
    except ValueError:
        chain = []
    if not chain or "PRIVATE KEY-----" not in text:
        raise _refusal(_CERTIFICATE, ProblemKind.MALFORMED, expected)
    secret = password.encode("utf-8", "replace") if password else None
    key_text = text[text.rindex("-----BEGIN", 0, text.index("PRIVATE KEY-----")) :]
    try:
        key = serialization.load_pem_private_key(key_text.encode("utf-8", "replace"), secret)
    except TypeError:
        # Encrypted and no password, or the other way round.
        wanted = "the password of the private key" if secret is None else "absent"
        raise _refusal(_PASSWORD, ProblemKind.NOT_ALLOWED, wanted) from None
    except (ValueError, UnsupportedAlgorithm):
        if secret is not None:
            wanted = "the password of the private key"
            raise _refusal(_PASSWORD, ProblemKind.NOT_ALLOWED, wanted) from None
        raise _refusal(_CERTIFICATE, ProblemKind.MALFORMED, expected) from None
    return _joined(key, chain)


def check_certificate(
    certificate: ApnsCertificate, environment: Environment, *, now: datetime
) -> None:
    """Refuse a certificate that can't serve an environment; raises InvalidRequest."""
    facts = facts_of(certificate)
    problems = []
    if not facts.is_apples:
        expected = "an Apple Push Services certificate"
        problems.append(Problem(_CERTIFICATE, ProblemKind.NOT_ALLOWED, expected))
    elif environment not in facts.environments:
        named = " and ".join(sorted(facts.environments))
        expected = f"{named}, which is what the certificate is for"
        problems.append(Problem(("environment",), ProblemKind.NOT_ALLOWED, expected))
    untimely = untimeliness_of(facts, now=now)
    if untimely:
        expected = f"a certificate that is valid today; this one {untimely}"
        problems.append(Problem(_CERTIFICATE, ProblemKind.NOT_ALLOWED, expected))
    if problems:
        raise InvalidRequest(problems)


def check_secret(secret: Secret, environment: Environment, *, now: datetime) -> None:
    """Refuse a credential that APNs could do nothing with; raises InvalidRequest."""
    match secret:
        case ApnsCredential():
            check_credential(secret)
        case ApnsCertificate():
            check_certificate(secret, environment, now=now)
        case _:
            raise _refusal(("provider",), ProblemKind.NOT_ALLOWED, "an APNs credential")


def facts_of(certificate: ApnsCertificate) -> CertificateFacts:
    """Read what a stored certificate says of itself; raises InvalidRequest for none."""
    try:
        own = x509.load_pem_x509_certificate(certificate.pem.encode())
        extensions = {each.oid for each in own.extensions}
    except ValueError:
        raise _refusal(_CERTIFICATE, ProblemKind.MALFORMED, "a certificate in PEM") from None
    ids = own.subject.get_attributes_for_oid(NameOID.USER_ID)
    bundle_id = str(ids[0].value) if ids else None
    marked = frozenset(each for each, mark in _MARKS.items() if mark in extensions)
    # MDM certificates are for production and carry no mark of an environment.
    is_mdm = bundle_id is not None and bundle_id.startswith(_MDM_TOPIC)
    return CertificateFacts(
        bundle_id,
        marked or frozenset(Environment),
        is_apples=bool(marked) or TOPICS_MARK in extensions or is_mdm,
        not_before=own.not_valid_before_utc,
        not_after=own.not_valid_after_utc,
    )


def untimeliness_of(facts: CertificateFacts, *, now: datetime) -> str | None:
    """Say why a certificate is not valid now; None if it is."""
    if now > facts.not_after:
        return f"expired on {facts.not_after:%Y-%m-%d}"
    if now < facts.not_before:
        return f"is valid from {facts.not_before:%Y-%m-%d}"
    return None


def tls_of(certificate: ApnsCertificate, ca_file: Path | None) -> ssl.SSLContext:
    """Build a TLS context that shows a certificate; raises UnusableCertificate, OSError.

    The library reads keys from files only: the file is readable for us alone,
    encrypted under a password that nobody else ever learns, and gone at once.
    """
    password = secrets.token_urlsafe(32)
    try:
        key = serialization.load_pem_private_key(certificate.pem.encode(), None)
        sealed = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(password.encode()),
        )
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise UnusableCertificate("the private key can't be read") from None
    chain = "\n".join(_pem_blocks(certificate.pem))
    with tempfile.NamedTemporaryFile(suffix=".pem") as file:
        file.write(sealed + chain.encode() + b"\n")
        file.flush()
        shown = ClientCertificate(Path(file.name), key_password=password)
        return client_tls(ca_file, shown)


def _joined(key: PrivateKeyTypes, chain: Sequence[x509.Certificate]) -> ApnsCertificate:
    """Spell certificate, chain and key as one PEM; raises InvalidRequest if they don't match."""
    own = next((each for each in chain if _public(each) == _public(key)), None)
    if own is None:
        expected = "a certificate with the private key that belongs to it"
        raise _refusal(_CERTIFICATE, ProblemKind.NOT_ALLOWED, expected)
    encoding = serialization.Encoding.PEM
    ordered = [own, *(each for each in chain if each is not own)]
    private = key.private_bytes(
        encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = b"".join(each.public_bytes(encoding) for each in ordered)
    return ApnsCertificate((public + private).decode("ascii"))


def _public(holder: x509.Certificate | PrivateKeyTypes) -> bytes:
    return holder.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def _refusal(path: tuple[str, ...], kind: ProblemKind, expected: str) -> InvalidRequest:
    return InvalidRequest([Problem(path, kind, expected)])
