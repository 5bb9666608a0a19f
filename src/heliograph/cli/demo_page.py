"""The page that the demo prints: things to try, ready to paste."""

from __future__ import annotations

import json
import sys
from datetime import timedelta
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

from heliograph.core.clock import to_ms
from heliograph.simulators.door import SUBSCRIPTIONS
from heliograph.simulators.webpush.site import PAGE as WEBPUSH_PAGE

if TYPE_CHECKING:
    from datetime import datetime

APNS_TOKEN = "a1" * 32
FCM_TOKEN = "demo-fcm-token-1"  # noqa: S105 - a fake phone's


def page_of(facts: dict[str, Any], demo_file: Path, now: datetime) -> str:
    """Lay out the curl lines for a demo's facts. demo_file: absolute, as is all that is pasted."""
    # A death counts only if it is later than the registration, which is
    # still to be pasted: so this one lies a day ahead.
    died = to_ms(now + timedelta(days=1))
    base, application = facts["base_url"], facts["application"]["id"]
    place = f"{base}/v1/applications/{application}"
    bearer = f"-H 'Authorization: Bearer {facts['native']['api_key']}'"
    layer_type = "-H 'Accept: application/vnd.layer+json; version=1.0'"
    layer = (
        f"{layer_type} "
        f"-H \"Authorization: Layer session-token='{facts['layer']['session_token']}'\""
    )
    discord, navixy = facts["discord"]["token"], facts["navixy"]["hash"]
    log_in = json.dumps({name: facts["discord"][name] for name in ("login", "password")})
    sign_in = json.dumps({name: facts["navixy"][name] for name in ("login", "password")})
    twilio = f"-u {facts['twilio']['account_id']}:{facts['twilio']['auth_token']}"
    app_name, mfp_app = facts["twilio"]["app_name"], facts["mobilefirst"]["application_id"]
    mobilefirst = "-u {client_id}:{client_secret}".format(**facts["mobilefirst"])
    json_type = "-H 'Content-Type: application/json'"
    page = f"{base}{WEBPUSH_PAGE}#app={application}&session={facts['native']['session_token']}"
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

3. Register more phones, through the other front doors
   Discord (204, no body)
   curl -si {base}/api/v9/users/@me/devices -H 'Authorization: {discord}' {json_type} \\
     -d '{{"provider": "gcm", "token": "demo-discord-token-1"}}'
   or with a login first, whose answer's token works in the same place
   curl -s {base}/api/v9/auth/login {json_type} \\
     -d '{log_in}'
   Navixy
   curl -s {base}/v2/user/session/push_token/bind {json_type} \\
     -d '{{"hash": "{navixy}", "application": "navixy_android_viewer",
          "token": "demo-navixy-token-1"}}'
   or with a login first, whose answer's hash works in the same place
   curl -s {base}/v2/user/auth {json_type} \\
     -d '{sign_in}'
   Twilio Comms (202 with the registration's address)
   curl -si {base}/v1/PushNotifications/DeviceRegistrations {twilio} {json_type} \\
     -d '{{"appName": "{app_name}", "provider": "FCM", "token": "demo-twilio-token-1"}}'
   IBM MobileFirst: first a token, which goes in place of TOKEN
   curl -s {base}/mfp/api/az/v1/token {mobilefirst} \\
     -d 'grant_type=client_credentials&scope=devices.write push.application.{mfp_app}'
   curl -s {base}/imfpush/v1/apps/{mfp_app}/devices -H 'Authorization: Bearer TOKEN' {json_type} \\
     -d '{{"deviceId": "phone-6", "token": "demo-mobilefirst-token-1", "platform": "G",
          "userId": "erin"}}'

4. Send to everyone
   curl -s {place}/notifications {bearer} {json_type} \\
     -d '{{"audience": {{"everyone": true}},
          "content": {{"title": "Hello", "body": "First light"}}}}'

5. See it arrive at the fake APNs and the fake FCM
   curl -s '{inbox}?token={APNS_TOKEN}'
   curl -s '{inbox}?token={FCM_TOKEN}'
   curl -s '{inbox}'

6. See what became of it (put the id from step 4 in place of ID)
   curl -s {place}/notifications/ID {bearer}
   curl -s {place}/notifications/ID/deliveries {bearer}

7. Let the first phone lose its token: APNs answers the next push with 410 and the time of death
   curl -s {faults} {json_type} \\
     -d '{{"token": "{APNS_TOKEN}", "status": 410, "reason": "Unregistered", "timestamp": {died}}}'
   Then send again (step 4): the delivery is "gone", and so is the registration
   curl -s '{place}/registrations?user_id=alice' {bearer}

8. Forget the second phone, Layer Client API
   curl -si -X DELETE {base}/push_tokens/phone-2 {layer}

9. Web Push: let the fake push service make a browser's subscription, and register what it
   answered in place of SUBSCRIPTION
   curl -s {base}{SUBSCRIPTIONS} {json_type} \\
     -d '{{"vapid_key": "{facts["webpush"]["public_key"]}"}}'
   curl -s {place}/registrations {bearer} {json_type} \\
     -d '{{"user_id": "fay", "provider": "webpush", "subscription": SUBSCRIPTION}}'
   Then send (step 4) and look (step 5). A real browser, if this machine is on the internet:
   {page}

10. A Windows app and a telephone; what the telephone reports is a receipt of its delivery
   curl -s {place}/registrations {bearer} {json_type} \\
     -d '{{"user_id": "gus", "provider": "wns", "token": "{facts["wns"]["channel"]}"}}'
   curl -s {place}/registrations {bearer} {json_type} \\
     -d '{{"user_id": "gus", "provider": "sms", "token": "{facts["sms"]["number"]}"}}'
   Then send (step 4) and look (step 5)

11. A webhook: the fake back end is told what happens from now on
   curl -s {place}/webhooks {bearer} {json_type} \\
     -d '{{"url": "{facts["webhook"]["url"]}",
          "events": ["registration.created", "notification.status", "delivery.accepted"]}}'
   Then send (step 4) and look
   curl -s '{inbox}?token=/hooks/demo'

12. Sign in as Layer's SDKs do: a nonce, an identity token that a back end signs with it, and
   with that a session (put what was answered in place of NONCE and TOKEN)
   curl -s -X POST {base}/nonces {layer_type}
   {_command()} issuers identity-token NONCE --demo-file {quote(str(demo_file))}
   curl -s {base}/sessions {layer_type} {json_type} \\
     -d '{{"app_id": "{facts["layer"]["app_id"]}", "identity_token": "TOKEN"}}'

Stop with Ctrl-C. The next start on the same directory keeps everything.
"""


def _command() -> str:
    """Spell our command for a terminal that knows no environment of ours."""
    beside = Path(sys.executable).with_name("heliograph")
    return quote(str(beside)) if beside.exists() else f"{quote(sys.executable)} -m heliograph"
