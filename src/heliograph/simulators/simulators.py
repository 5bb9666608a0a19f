"""All fakes of one process."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from heliograph.simulators.apns.fake import ApnsFake
from heliograph.simulators.apns.provider_tokens import KnownKeys
from heliograph.simulators.certificates import ensure_certificates
from heliograph.simulators.credentials import (
    DEMO_PROJECT_NUMBER,
    DEMO_TOPIC,
    ApnsCredential,
    DemoCredentials,
    ensure_credentials,
)
from heliograph.simulators.faults import TOKEN_ENDPOINT, FaultBook
from heliograph.simulators.fcm.fake import FcmFake
from heliograph.simulators.fcm.oauth import TokenEndpoint
from heliograph.simulators.inbox import DEFAULT_LIMIT, Inbox
from heliograph.simulators.listener import H2, HTTP_1_1, RunningFake


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Simulators:
    """The fakes, with one inbox and one fault book between them.

    apns and apns_sandbox are the two environments of one APNs; fcm has the token endpoint
    on the same listener, and speaks HTTP/1.1 besides HTTP/2.
    """

    def __init__(
        self,
        credentials: DemoCredentials,
        ca_file: Path,
        *,
        now: Callable[[], datetime],
        inbox_limit: int,
    ) -> None:
        self.ca_file = ca_file
        self.inbox = Inbox(inbox_limit)
        self.faults = FaultBook()
        self._credentials = credentials
        keys = KnownKeys([credentials.apns_key])
        production, sandbox = (
            ApnsFake(keys=keys, inbox=self.inbox, faults=self.faults, now=now, is_sandbox=sandbox)
            for sandbox in (False, True)
        )
        fcm = FcmFake(
            project_id=credentials.fcm_account.project_id,
            project_number=DEMO_PROJECT_NUMBER,
            oauth=TokenEndpoint([credentials.fcm_account]),
            inbox=self.inbox,
            faults=self.faults,
            now=now,
        )
        self.apns = RunningFake(production, [H2])
        self.apns_sandbox = RunningFake(sandbox, [H2])
        self.fcm = RunningFake(fcm, [H2, HTTP_1_1])

    @classmethod
    async def start(
        cls,
        directory: Path,
        *,
        host: str = "127.0.0.1",
        apns_port: int = 0,
        apns_sandbox_port: int = 0,
        fcm_port: int = 0,
        topics: tuple[str, ...] | None = (DEMO_TOPIC,),
        inbox_limit: int = DEFAULT_LIMIT,
        now: Callable[[], datetime] = _utc_now,
    ) -> Self:
        """Start all fakes; port 0 takes a free one.

        directory: keeps the CA, the certificate and the demo credentials from one run to the
        next. topics: the bundle ids the APNs key may push to, the demo's first; None makes it
        a team key, which may push to any.
        """
        # Certificates are judged by the clients' clock, whatever `now` says.
        made_at = _utc_now()
        ca_file, certificate = await asyncio.to_thread(
            ensure_certificates, directory, host, now=made_at
        )
        credentials = await asyncio.to_thread(ensure_credentials, directory, topics)
        simulators = cls(credentials, ca_file, now=now, inbox_limit=inbox_limit)
        started: list[RunningFake] = []
        try:
            for fake, port in (
                (simulators.apns, apns_port),
                (simulators.apns_sandbox, apns_sandbox_port),
                (simulators.fcm, fcm_port),
            ):
                await fake.start(host, port, certificate)
                started.append(fake)
        except OSError:
            for fake in started:
                await fake.stop()
            raise
        return simulators

    @property
    def apns_credential(self) -> ApnsCredential:
        """Return a key that both APNs fakes accept."""
        return self._credentials.apns

    @property
    def fcm_service_account(self) -> dict[str, Any]:
        """Return a service account's key file that the FCM fake accepts."""
        return self._credentials.service_account(self.fcm.url + TOKEN_ENDPOINT)

    async def stop(self) -> None:
        """Stop all fakes; safe to call once."""
        for fake in (self.apns, self.apns_sandbox, self.fcm):
            await fake.stop()
