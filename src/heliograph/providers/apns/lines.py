"""Connections to APNs and what proves who we are on them, shared by all that we ask of it."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple, assert_never

from heliograph.core.errors import InvalidRequest
from heliograph.core.model.application import ApnsCertificate, ApnsCredential
from heliograph.core.model.outcome import Misconfigured
from heliograph.outbound.http2.dial import dial_tls
from heliograph.outbound.http2.pool import SenderPool
from heliograph.outbound.http2.sender import Http2Sender, Origin
from heliograph.outbound.http2.settings import SenderSettings
from heliograph.outbound.tls import client_tls
from heliograph.providers.apns.auth import ProviderTokens
from heliograph.providers.apns.certificates import (
    UnusableCertificate,
    check_secret,
    facts_of,
    tls_of,
    untimeliness_of,
)
from heliograph.security.jwt import UnusableKey

if TYPE_CHECKING:
    import ssl
    from contextlib import AbstractContextManager
    from datetime import datetime

    from heliograph.config import Apns
    from heliograph.core.ids import Id
    from heliograph.core.model.application import ProviderCredential
    from heliograph.core.ports import Clock
    from heliograph.core.right_of_way import RightOfWay
    from heliograph.outbound.http2.fleet import Dial
    from heliograph.outbound.http2.messages import Headers
    from heliograph.outbound.http2.pool import Line
    from heliograph.providers.apns.certificates import CertificateFacts

MAX_CERTIFICATES: Final = 200
"""TLS contexts that are kept: each holds a certificate and a key."""

MAX_RECONNECTED: Final = 1000

NOT_OURS: Final = Misconfigured("not an APNs credential")


class Proof(NamedTuple):
    """Who we are: header fields, or the context that shows a certificate."""

    headers: Headers
    tls: ssl.SSLContext | None = None


@dataclass(frozen=True, slots=True)
class _CertifiedOrigin(Origin):
    """Where to connect, and the context that shows the certificate there."""

    tls: ssl.SSLContext | None = field(default=None, compare=False, repr=False)


class ApnsLines:
    """Opens connections and proves who we are, by provider token or by certificate."""

    def __init__(
        self,
        settings: Apns,
        clock: Clock,
        dial: Dial = dial_tls,
        way: RightOfWay | None = None,
    ) -> None:
        """Read the trusted authorities; raises OSError or ValueError for settings that can't be."""
        self.tokens = ProviderTokens(clock)
        self._ca_file = settings.ca_file
        self._dial = dial
        self._way = way
        self._tls = client_tls(settings.ca_file)
        self._certified: OrderedDict[Id, tuple[CertificateFacts, ssl.SSLContext]] = OrderedDict()
        self._unrelated: set[Id] = set()
        self.senders = SenderPool(self._connect)

    @property
    def is_closed(self) -> bool:
        """Whether nothing is sent any more."""
        return self.senders.is_closed

    def proof(self, credential: ProviderCredential, *, now: datetime) -> Proof | Misconfigured:
        """Answer what proves who we are, or why nothing can be sent."""
        match credential.secret:
            case ApnsCredential():
                try:
                    authorization = self.tokens.authorization(credential.id, credential.secret)
                except UnusableKey as error:
                    return Misconfigured(f"the signing key is unusable: {error}")
                return Proof(((b"authorization", authorization),))
            case ApnsCertificate():
                return self._certificate_proof(credential.id, credential.secret, now=now)
            case _:
                return NOT_OURS

    def lease(
        self, credential: ProviderCredential, origin: Origin, proof: Proof
    ) -> AbstractContextManager[Line]:
        """Lend the connection of a credential."""
        if proof.tls is not None:
            origin = _CertifiedOrigin(origin.host, origin.port, proof.tls)
        place = (credential.application_id, credential.environment)
        return self.senders.lease(credential.id, place, origin)

    def problem_of(self, credential: ProviderCredential, *, now: datetime) -> str | None:
        """Say why nothing can be sent by a credential, without minting or opening anything."""
        try:
            check_secret(credential.secret, credential.environment, now=now)
        except InvalidRequest as error:
            return "; ".join(f"{each.field} must be {each.expected}" for each in error.problems)
        return None

    def bundle_id_of(self, credential: ProviderCredential) -> str | None:
        """Answer the app that a certificate is for; None for keys and unreadable ones."""
        if not isinstance(credential.secret, ApnsCertificate):
            return None
        known = self._certified.get(credential.id)
        try:
            return (known[0] if known else facts_of(credential.secret)).bundle_id
        except InvalidRequest:
            return None

    def note_unrelated(self, credential_id: Id) -> None:
        """Remember that APNs ties a connection to another key: the next refresh leaves it."""
        if len(self._unrelated) < MAX_RECONNECTED:
            self._unrelated.add(credential_id)

    def refresh(self, credential: ProviderCredential) -> None:
        """Mint a new provider token, if the present one is 20 minutes old or more.

        The new one starts on a new connection: APNs ties a connection to the
        key that it saw first.
        """
        if not isinstance(credential.secret, ApnsCredential):
            return
        try:
            is_new = self.tokens.refresh(credential.id, credential.secret)
        except UnusableKey:
            return  # The next `proof` says so.
        if is_new or credential.id in self._unrelated:
            self._unrelated.discard(credential.id)
            self.senders.retire(credential.id)

    def _certificate_proof(
        self, credential_id: Id, certificate: ApnsCertificate, *, now: datetime
    ) -> Proof | Misconfigured:
        known = self._certified.get(credential_id)
        if known is None:
            try:
                known = facts_of(certificate), tls_of(certificate, self._ca_file)
            except (InvalidRequest, UnusableCertificate, OSError) as error:
                # The text of an OSError may name a file, never a key.
                return Misconfigured(f"the certificate is unusable: {_said(error)}")
            self._certified[credential_id] = known
            if len(self._certified) > MAX_CERTIFICATES:
                self._certified.popitem(last=False)
        self._certified.move_to_end(credential_id)
        untimely = untimeliness_of(known[0], now=now)
        return Misconfigured(f"the certificate {untimely}") if untimely else Proof((), known[1])

    def _connect(self, origin: Origin) -> Http2Sender:
        if isinstance(origin, _CertifiedOrigin) and origin.tls is not None:
            return Http2Sender(origin, origin.tls, dial=self._dial, way=self._way)
        # One request need not wait for APNs's SETTINGS: they allow one at the least.
        alone = SenderSettings(first_request_alone=True, streams_before_settings=1)
        return Http2Sender(origin, self._tls, settings=alone, dial=self._dial, way=self._way)


def _said(error: InvalidRequest | UnusableCertificate | OSError) -> str:
    match error:
        case InvalidRequest():
            return error.problems[0].expected
        case UnusableCertificate():
            return str(error)
        case OSError():
            return type(error).__name__
        case _:
            assert_never(error)
