"""Where the providers are, one section for each."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from heliograph.config.section import Section


class Apns(Section):
    """Where APNs is. ca_file: trust beside the system's, for fakes and proxies.

    channels: where broadcast channels are managed. broadcast: where pushes to
    channels go; None means where the others go.
    """

    production_url: str = "https://api.push.apple.com:443"
    sandbox_url: str = "https://api.sandbox.push.apple.com:443"
    channels_production_url: str = "https://api-manage-broadcast.push.apple.com:2196"
    channels_sandbox_url: str = "https://api-manage-broadcast.sandbox.push.apple.com:2195"
    broadcast_production_url: str | None = None
    broadcast_sandbox_url: str | None = None
    ca_file: Path | None = None


class Fcm(Section):
    """Where FCM is. The token endpoint comes with each service account.

    topics_api: which of Google's interfaces subscribes devices to topics.
    instance_id_url: where the older one is.
    """

    url: str = "https://fcm.googleapis.com:443"
    ca_file: Path | None = None
    topics_api: Literal["registrations", "instance_id"] = "registrations"
    instance_id_url: str = "https://iid.googleapis.com"


class Wns(Section):
    """Where WNS' token endpoints are: the Store's, and Entra's before the tenant.

    connections: how many are open at once; each carries one message at a time.
    """

    store_token_url: str = "https://login.live.com/accesstoken.srf"  # noqa: S105 - an address
    entra_url: str = "https://login.microsoftonline.com"
    ca_file: Path | None = None
    connections: int = Field(default=64, ge=1, le=100)


class Sms(Section):
    """How text messages leave. max_segments: parts of one; longer texts are not sent.

    enquire_link_s: how long an SMPP session may be silent before it is asked
    whether it lives. connections: to one HTTP gateway at once.
    """

    max_segments: int = Field(default=10, ge=1, le=255)
    enquire_link_s: float = Field(default=30.0, gt=0)
    ca_file: Path | None = None
    connections: int = Field(default=32, ge=1, le=100)


class WebPush(Section):
    """Which push services browsers may name, and what is sent to them.

    hosts: exact names, or `*.` and what they end in. payload_limit_bytes: of
    what is encrypted. padding_bytes: it is lengthened to a multiple of this.
    """

    hosts: tuple[str, ...] = (
        "fcm.googleapis.com",
        "*.push.services.mozilla.com",
        "*.push.apple.com",
        "*.notify.windows.com",
        "*.wns.windows.com",
    )
    ca_file: Path | None = None
    payload_limit_bytes: int = Field(default=3000, ge=256, le=3993)
    padding_bytes: int = Field(default=128, ge=1, le=1024)
