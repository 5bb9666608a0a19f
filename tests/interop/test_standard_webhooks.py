"""The specification's own libraries, for Python and for Node, verify what we sign."""

import json
import re
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import anyio.to_thread
import pytest
from standardwebhooks import Webhook as Library
from standardwebhooks import WebhookVerificationError
from tests.interop.conftest import NODE_FOLDER

from heliograph.core.ids import new_id
from heliograph.core.model.webhook import (
    ALL_KINDS,
    Event,
    EventKind,
    FormerSecret,
    Webhook,
    WebhookSecrets,
)
from heliograph.core.webhooks.signatures import new_secret
from heliograph.delivery.webhook_calls import headers_of, standard_form

pytestmark = [pytest.mark.interop, pytest.mark.anyio]

OURS = "webhook-id", "webhook-timestamp", "webhook-signature"
DOCUMENT = Path(__file__).parents[2] / "docs" / "webhooks.md"


async def call_of(held, *, at=None, text="Grüße, 世界"):
    """Make one call: its headers, and the very bytes of its body."""
    now = datetime.now(UTC)
    application_id = new_id(now)
    webhook = Webhook(new_id(now), application_id, "https://hooks.example/", ALL_KINDS, now, now)
    event = Event(new_id(now), application_id, EventKind.REGISTRATION_CREATED, now, {"text": text})
    rendered = await standard_form(event, webhook)
    return headers_of(event, rendered, held, at=at or now), rendered.body


async def test_the_python_library_takes_our_signature():
    held = WebhookSecrets(new_secret())
    headers, body = await call_of(held)

    read = Library(held.secret).verify(body, headers)

    assert read["data"] == {"text": "Grüße, 世界"}


async def test_the_python_library_refuses_what_was_changed_or_is_old():
    held = WebhookSecrets(new_secret())
    headers, body = await call_of(held)
    old_headers, old_body = await call_of(held, at=datetime.now(UTC) - timedelta(minutes=6))

    for wrong, content, secret in (
        (headers, body + b" ", held.secret),
        (headers, body, new_secret()),
        ({**headers, "webhook-id": "evt_2"}, body, held.secret),
        (old_headers, old_body, held.secret),
    ):
        with pytest.raises(WebhookVerificationError):
            Library(secret).verify(content, wrong)


async def test_during_a_rotation_both_secrets_verify():
    old, new = new_secret(), new_secret()
    former = FormerSecret(old, datetime.now(UTC) + timedelta(hours=1))
    headers, body = await call_of(WebhookSecrets(new, former))

    for secret in (old, new):
        assert Library(secret).verify(body, headers)["type"] == "registration.created"


async def test_the_documents_own_ten_lines_do_the_same():
    code = re.search(r"```python\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)[1]
    known = {}
    exec(code, known)
    held = WebhookSecrets(new_secret())
    headers, body = await call_of(held)
    old_headers, old_body = await call_of(held, at=datetime.now(UTC) - timedelta(minutes=6))

    assert known["is_genuine"](held.secret, headers, body)
    assert not known["is_genuine"](held.secret, headers, body + b" ")
    assert not known["is_genuine"](new_secret(), headers, body)
    assert not known["is_genuine"](held.secret, old_headers, old_body)


async def test_the_node_library_takes_our_signature_and_no_other(node):
    held = WebhookSecrets(new_secret())
    calls = []
    for text in ("plain", "Grüße, 世界", '"\\\u2028'):
        headers, body = await call_of(held, text=text)
        calls.append({"headers": {name: headers[name] for name in OURS}, "body": body.decode()})
    calls.append({**calls[0], "body": calls[0]["body"] + " "})
    order = json.dumps({"secret": held.secret, "calls": calls})

    done = await anyio.to_thread.run_sync(lambda: _run(node, order))

    assert json.loads(done.stdout) == [
        *["registration.created"] * 3,
        "WebhookVerificationError",
    ]


def _run(node, order):
    return subprocess.run(
        [node, "webhooks.mjs"],
        cwd=NODE_FOLDER,
        input=order,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
