"""Contexts are shared by those who trust the same, and by nobody else."""

from __future__ import annotations

import shutil
import ssl
from typing import TYPE_CHECKING

import pytest

from heliograph.outbound.tls import (
    EITHER,
    ClientCertificate,
    broad_client_tls,
    client_tls,
    plain_client_tls,
    shared_client_tls,
)
from heliograph.simulators.certificates import CA_FILE, SERVER_FILE, ensure_certificates

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path, now: datetime) -> Path:
    ensure_certificates(tmp_path, "localhost", now=now)
    return tmp_path


@pytest.fixture
def now(clock) -> datetime:
    return clock.now()


def test_who_trusts_the_same_shares_a_context(folder: Path) -> None:
    ca_file = folder / CA_FILE

    assert client_tls() is client_tls()
    assert shared_client_tls() is shared_client_tls()
    assert client_tls(ca_file) is client_tls(ca_file)
    assert broad_client_tls(ca_file, EITHER) is broad_client_tls(ca_file, EITHER)


def test_other_protocols_and_other_authorities_have_contexts_of_their_own(folder: Path) -> None:
    ca_file = folder / CA_FILE
    contexts = [
        client_tls(),
        client_tls(ca_file),
        shared_client_tls(),
        shared_client_tls(ca_file),
        broad_client_tls(ca_file),
        broad_client_tls(ca_file, EITHER),
    ]

    assert len({id(context) for context in contexts}) == len(contexts)


def test_a_file_is_trusted_instead_of_the_system_or_beside_it(folder: Path) -> None:
    ca_file = folder / CA_FILE
    system = len(shared_client_tls().get_ca_certs())

    assert len(client_tls(ca_file).get_ca_certs()) == 1
    assert len(broad_client_tls(ca_file).get_ca_certs()) == system + 1
    assert len(broad_client_tls(None).get_ca_certs()) == system


def test_a_file_that_was_replaced_is_read_again(folder: Path, tmp_path_factory, now) -> None:
    ca_file = folder / CA_FILE
    before = client_tls(ca_file).get_ca_certs()
    ensure_certificates(tmp_path_factory.mktemp("other"), "localhost", now=now)
    other, _ = ensure_certificates(tmp_path_factory.mktemp("another"), "localhost", now=now)

    shutil.copy(other, ca_file)

    assert client_tls(ca_file).get_ca_certs() != before


def test_a_client_certificate_is_shown_by_nobody_else(folder: Path) -> None:
    shown = ClientCertificate(folder / SERVER_FILE)

    assert client_tls(None, shown) is not client_tls(None, shown)
    assert plain_client_tls() is not plain_client_tls()


def test_every_context_checks_names_and_speaks_tls_1_2_or_newer() -> None:
    for context in (client_tls(), shared_client_tls(), broad_client_tls(None), plain_client_tls()):
        assert context.check_hostname
        assert context.verify_mode is ssl.CERT_REQUIRED
        assert context.minimum_version is ssl.TLSVersion.TLSv1_2


@pytest.mark.parametrize("answer", [client_tls, shared_client_tls, broad_client_tls])
def test_a_file_that_is_missing_is_an_oserror(tmp_path: Path, answer) -> None:
    with pytest.raises(OSError, match=r"nothing\.pem"):
        answer(tmp_path / "nothing.pem")
