"""All fakes of one process."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import quote

from heliograph.simulators.apns.certificates import (
    CLIENT_CA_FILE,
    PushCertificate,
    ensure_push_certificate,
)
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
from heliograph.simulators.push_log import DEFAULT_LIMIT as DEFAULT_LOG_LIMIT
from heliograph.simulators.push_log import PushLog
from heliograph.simulators.sms.centre import CentreFake
from heliograph.simulators.sms.gateway import GatewayFake
from heliograph.simulators.webhooks import WebhookFake
from heliograph.simulators.webpush.fake import WebPushFake
from heliograph.simulators.wns.fake import WnsFake
from heliograph.simulators.wns.oauth import WnsApp

DEMO_WNS_APP: Final = WnsApp(
    package_sid="ms-app://s-1-15-2-1000-2000-3000-4000-5000-6000-7000",
    app_id="0d2a5e5c-3f0b-4a4e-9c47-6a3c5b1f7e21",
    tenant="demo.example.com",
    client_secret="heliograph-demo-secret",  # noqa: S106 - the fake's own
)


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Simulators:
    """The fakes, with one inbox and one fault book between them.

    apns and apns_sandbox are the two environments of one APNs; fcm has the token endpoint
    on the same listener, and speaks HTTP/1.1 besides HTTP/2. fcm_topics: who is in which.
    webpush is a push service; push_service makes subscriptions at it.
    """

    def __init__(
        self,
        credentials: DemoCredentials,
        ca_file: Path,
        *,
        now: Callable[[], datetime],
        inbox_limit: int,
        log_limit: int = DEFAULT_LOG_LIMIT,
    ) -> None:
        self.ca_file = ca_file
        self.inbox = Inbox(inbox_limit)
        self.faults = FaultBook()
        self.log = PushLog(log_limit)
        self._credentials = credentials
        self.apns_certificate: PushCertificate | None = None
        """A push certificate for the demo's app, which both APNs fakes accept."""
        keys = KnownKeys([credentials.apns_key])
        production, sandbox = (
            ApnsFake(
                keys=keys,
                inbox=self.inbox,
                faults=self.faults,
                now=now,
                is_sandbox=sandbox,
                log=self.log,
            )
            for sandbox in (False, True)
        )
        fcm = FcmFake(
            project_id=credentials.fcm_account.project_id,
            project_number=DEMO_PROJECT_NUMBER,
            oauth=TokenEndpoint([credentials.fcm_account]),
            inbox=self.inbox,
            faults=self.faults,
            now=now,
            log=self.log,
        )
        self.fcm_topics = fcm.topics
        self.apns_fake = production
        self.apns = RunningFake(production, [H2])
        self.apns_sandbox = RunningFake(sandbox, [H2])
        self.fcm = RunningFake(fcm, [H2, HTTP_1_1])
        self.push_service = WebPushFake(inbox=self.inbox, faults=self.faults, now=now, log=self.log)
        self.webpush = RunningFake(self.push_service, [H2, HTTP_1_1])
        told: dict[str, Any] = {
            "inbox": self.inbox,
            "faults": self.faults,
            "now": now,
            "log": self.log,
        }
        self.wns_app = DEMO_WNS_APP
        self.wns_fake = WnsFake(DEMO_WNS_APP, **told)
        self.wns = RunningFake(self.wns_fake, [HTTP_1_1])
        self.sms_gateway = RunningFake(GatewayFake(**told), [HTTP_1_1])
        self.smpp = CentreFake(**told)
        self.webhook_fake = WebhookFake(**told)
        self.webhooks = RunningFake(self.webhook_fake, [HTTP_1_1])

    @classmethod
    async def start(
        cls,
        directory: Path,
        *,
        host: str = "127.0.0.1",
        apns_port: int = 0,
        apns_sandbox_port: int = 0,
        fcm_port: int = 0,
        webpush_port: int = 0,
        wns_port: int = 0,
        sms_gateway_port: int = 0,
        smpp_port: int = 0,
        smpp_tls_port: int = 0,
        webhooks_port: int = 0,
        topics: tuple[str, ...] | None = (DEMO_TOPIC,),
        inbox_limit: int = DEFAULT_LIMIT,
        log_limit: int = DEFAULT_LOG_LIMIT,
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
        pushing = await asyncio.to_thread(
            ensure_push_certificate, directory, credentials.apns.topic, now=made_at
        )
        simulators = cls(
            credentials, ca_file, now=now, inbox_limit=inbox_limit, log_limit=log_limit
        )
        simulators.apns_certificate = pushing
        client_ca = directory / CLIENT_CA_FILE
        started: list[RunningFake | CentreFake] = []
        try:
            for fake, port, trusted in (
                (simulators.apns, apns_port, client_ca),
                (simulators.apns_sandbox, apns_sandbox_port, client_ca),
                (simulators.fcm, fcm_port, None),
                (simulators.webpush, webpush_port, None),
                (simulators.wns, wns_port, None),
                (simulators.webhooks, webhooks_port, None),
            ):
                await fake.start(host, port, certificate, client_ca=trusted)
                started.append(fake)
            # Gateways and SMS centres speak plainly, as most of theirs do; the centre also in TLS.
            await simulators.sms_gateway.start(host, sms_gateway_port, None)
            started.append(simulators.sms_gateway)
            await simulators.smpp.start(host, smpp_port, certificate, tls_port=smpp_tls_port)
        except OSError:
            for running in started:
                await running.stop()
            raise
        simulators.push_service.url = simulators.webpush.url
        return simulators

    @property
    def apns_credential(self) -> ApnsCredential:
        """Return a key that both APNs fakes accept."""
        return self._credentials.apns

    @property
    def fcm_service_account(self) -> dict[str, Any]:
        """Return a service account's key file that the FCM fake accepts."""
        return self._credentials.service_account(self.fcm.url + TOKEN_ENDPOINT)

    def wns_channel(self, token: str) -> str:
        """Return a channel URI at the WNS fake; the inbox and the faults know it by `token`."""
        return f"{self.wns.url}/?token={quote(token, safe='')}"

    async def stop(self) -> None:
        """Stop all fakes; safe to call once."""
        https = (self.apns, self.apns_sandbox, self.fcm, self.webpush, self.wns, self.webhooks)
        for fake in (*https, self.sms_gateway, self.smpp):
            await fake.stop()
