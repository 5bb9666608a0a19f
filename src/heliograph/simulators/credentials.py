"""Demo credentials, made once and accepted by the fakes."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from heliograph.simulators.apns.provider_tokens import ApnsKey
from heliograph.simulators.certificates import (
    ensure_ec_key,
    ensure_rsa_key,
    fingerprint,
    private_pem,
)
from heliograph.simulators.fcm.oauth import ServiceAccount

APNS_KEY_FILE: Final = "apns-key.p8"
DEMO_TOPIC: Final = "com.example.demo"
DEMO_TEAM_ID: Final = "HELIODEMO1"
DEMO_PROJECT_ID: Final = "heliograph-demo"
DEMO_PROJECT_NUMBER: Final = "100200300400"
DEMO_EMAIL: Final = f"sender@{DEMO_PROJECT_ID}.iam.gserviceaccount.com"


@dataclass(frozen=True, slots=True)
class ApnsCredential:
    """What Apple's developer pages would hand out; p8: PEM text."""

    p8: str = field(repr=False)
    key_id: str
    team_id: str
    topic: str


@dataclass(frozen=True, slots=True)
class DemoCredentials:
    """Both sides of each credential: the sender's and the fake's."""

    apns: ApnsCredential
    apns_key: ApnsKey
    fcm_account: ServiceAccount
    fcm_private_key: str = field(repr=False)

    def service_account(self, token_uri: str) -> dict[str, Any]:
        """Return the key file Google would hand out, pointing at this token endpoint."""
        return {
            "type": "service_account",
            "project_id": self.fcm_account.project_id,
            "private_key_id": self.fcm_account.key_id,
            "private_key": self.fcm_private_key,
            "client_email": self.fcm_account.client_email,
            "client_id": DEMO_PROJECT_NUMBER,
            "token_uri": token_uri,
        }


def ensure_credentials(directory: Path, topics: tuple[str, ...] | None) -> DemoCredentials:
    """Load the demo credentials from the directory, making them where they are missing.

    topics: the bundle ids of a key that serves only them; None for a team key.
    """
    apns = ensure_ec_key(directory / APNS_KEY_FILE)
    fcm = ensure_rsa_key(directory / "fcm-key.pem")
    # Key ids come from the keys, so a directory that is kept keeps its credentials.
    key_id = fingerprint(apns)[:10].upper()
    return DemoCredentials(
        apns=ApnsCredential(
            private_pem(apns).decode(), key_id, DEMO_TEAM_ID, topics[0] if topics else DEMO_TOPIC
        ),
        apns_key=ApnsKey(
            key_id,
            DEMO_TEAM_ID,
            apns.public_key(),
            None if topics is None else frozenset(topic.encode() for topic in topics),
        ),
        fcm_account=ServiceAccount(DEMO_EMAIL, DEMO_PROJECT_ID, fingerprint(fcm), fcm.public_key()),
        fcm_private_key=private_pem(fcm).decode(),
    )
