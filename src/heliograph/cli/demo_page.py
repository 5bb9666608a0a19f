"""The page that the demo prints: things to try, ready to paste."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from heliograph.core.clock import to_ms

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

APNS_TOKEN = "a1" * 32
FCM_TOKEN = "demo-fcm-token-1"  # noqa: S105 - a fake phone's


def page_of(facts: dict[str, Any], demo_file: Path, now: datetime) -> str:
    """Lay out the curl lines for a demo's facts."""
    # A death counts only if it is later than the registration, which is
    # still to be pasted: so this one lies a day ahead.
    died = to_ms(now + timedelta(days=1))
    base, application = facts["base_url"], facts["application"]["id"]
    place = f"{base}/v1/applications/{application}"
    bearer = f"-H 'Authorization: Bearer {facts['native']['api_key']}'"
    layer = (
        "-H 'Accept: application/vnd.layer+json; version=1.0' "
        f"-H \"Authorization: Layer session-token='{facts['layer']['session_token']}'\""
    )
    json_type = "-H 'Content-Type: application/json'"
    inbox, faults = facts["simulators"]["inbox"], facts["simulators"]["faults"]
    return f"""\
Heliograph demo at {base}
Everything below can be pasted into another terminal. The same facts, for scripts: {demo_file}

1. Register a phone, native API
   curl -s {place}/registrations {bearer} {json_type} \\
     -d '{{"user_id": "alice", "device_id": "phone-1", "provider": "apns",
          "token": "{APNS_TOKEN}"}}'

2. Register a phone, Layer Client API (202, no body)
   curl -si {base}/push_tokens {layer} {json_type} \\
     -d '{{"token": "{FCM_TOKEN}", "type": "gcm", "device_id": "phone-2"}}'

3. Send to both
   curl -s {place}/notifications {bearer} {json_type} \\
     -d '{{"audience": {{"users": ["alice", "layer-user"]}},
          "content": {{"title": "Hello", "body": "First light"}}}}'

4. See it arrive at the fake APNs and the fake FCM
   curl -s '{inbox}?token={APNS_TOKEN}'
   curl -s '{inbox}?token={FCM_TOKEN}'

5. See what became of it (put the id from step 3 in place of ID)
   curl -s {place}/notifications/ID {bearer}
   curl -s {place}/notifications/ID/deliveries {bearer}

6. Let the phone lose its token: APNs answers the next push with 410 and the time of death
   curl -s {faults} {json_type} \\
     -d '{{"token": "{APNS_TOKEN}", "status": 410, "reason": "Unregistered", "timestamp": {died}}}'
   Then send again (step 3): the delivery is "gone", and so is the registration
   curl -s '{place}/registrations?user_id=alice' {bearer}

7. Forget the second phone, Layer Client API
   curl -si -X DELETE {base}/push_tokens/phone-2 {layer}

Stop with Ctrl-C. The next start on the same directory keeps everything.
"""
