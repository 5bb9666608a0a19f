"""Keys and certificates of the fakes, made once and kept in a directory."""

import datetime as dt
import ipaddress
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

CA_FILE: Final = "ca.pem"
SERVER_FILE: Final = "server.pem"
_LIFETIME: Final = dt.timedelta(days=800)
_RENEWED_BEFORE: Final = dt.timedelta(days=30)
_RSA_BITS: Final = 2048

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


def ensure_certificates(directory: Path, host: str, *, now: dt.datetime) -> tuple[Path, Path]:
    """Return (CA file, server's certificate with its key), making them where needed.

    The CA's own key is thrown away at once: nobody can ever sign with it again, so a machine
    that trusts the CA trusts this one certificate. When that runs out, both are made anew.
    """
    ca_file, server_file = directory / CA_FILE, directory / SERVER_FILE
    if not (ca_file.exists() and server_file.exists() and _is_good(server_file, host, now)):
        ca_key = ec.generate_private_key(ec.SECP256R1())
        ca = _issue_ca(ca_key, now)
        server_key = ec.generate_private_key(ec.SECP256R1())
        server = _issue_server(server_key, host, ca, ca_key, now)
        pem = serialization.Encoding.PEM
        write_private(server_file, server.public_bytes(pem) + private_pem(server_key))
        write_private(ca_file, ca.public_bytes(pem))
    return ca_file, server_file


def ensure_ec_key(path: Path) -> ec.EllipticCurvePrivateKey:
    """Return the P-256 key kept in a PEM file, making it where it is missing."""
    key = _ensure_key(path, lambda: ec.generate_private_key(ec.SECP256R1()))
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError(f"{path.name} holds no elliptic-curve key")  # noqa: TRY004 - a wrong file
    return key


def ensure_rsa_key(path: Path) -> rsa.RSAPrivateKey:
    """Return the RSA key kept in a PEM file, making it where it is missing."""
    key = _ensure_key(path, lambda: rsa.generate_private_key(65537, _RSA_BITS))
    if not isinstance(key, rsa.RSAPrivateKey):
        raise ValueError(f"{path.name} holds no RSA key")  # noqa: TRY004 - a wrong file
    return key


def private_pem(key: PrivateKey) -> bytes:
    """Spell a private key as PKCS#8 PEM, unencrypted."""
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def fingerprint(key: PrivateKey) -> str:
    """Return 40 hex digits that name the key's public half."""
    public = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    digest = hashes.Hash(hashes.SHA256())
    digest.update(public)
    return digest.finalize().hex()[:40]


def write_private(path: Path, content: bytes) -> None:
    """Write a file that only its owner may read, whole or not at all."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}.new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    draft.replace(path)


def _ensure_key(path: Path, make: Callable[[], PrivateKey]) -> object:
    if not path.exists():
        write_private(path, private_pem(make()))
    # It is what we wrote: to prove its primes again would take 40 ms.
    return serialization.load_pem_private_key(
        path.read_bytes(), password=None, unsafe_skip_rsa_key_validation=True
    )


def _is_good(server_file: Path, host: str, now: dt.datetime) -> bool:
    try:
        certificate = x509.load_pem_x509_certificate(server_file.read_bytes())
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except (ValueError, x509.ExtensionNotFound):
        return False
    lasts = certificate.not_valid_after_utc - now > _RENEWED_BEFORE
    return lasts and _general_name(host) in names.value


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _builder(
    subject: x509.Name, key: PrivateKey, issuer: x509.Name, issuer_key: PrivateKey, now: dt.datetime
) -> x509.CertificateBuilder:
    own = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    above = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key())
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + _LIFETIME)
        .add_extension(own, critical=False)
        .add_extension(above, critical=False)
    )


def _issue_ca(key: ec.EllipticCurvePrivateKey, now: dt.datetime) -> x509.Certificate:
    # Named by its key, so that two of them in one trust store stay apart.
    name = _name(f"Heliograph simulators {fingerprint(key)[:8]}")
    return (
        _builder(name, key, name, key, now)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .sign(key, hashes.SHA256())
    )


def _issue_server(
    key: ec.EllipticCurvePrivateKey,
    host: str,
    ca: x509.Certificate,
    ca_key: ec.EllipticCurvePrivateKey,
    now: dt.datetime,
) -> x509.Certificate:
    hosts = dict.fromkeys(("localhost", "127.0.0.1", "::1", host))
    names = x509.SubjectAlternativeName([_general_name(each) for each in hosts])
    return (
        _builder(_name("localhost"), key, ca.subject, ca_key, now)
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(ca_key, hashes.SHA256())
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
