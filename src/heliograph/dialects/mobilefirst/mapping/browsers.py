"""Browsers' tokens: a subscription as JSON text, as the vendor's JavaScript SDK sends it.

Source: bms-clientsdk-javascript-webpush, BMSPushSDK.js;
docs/dialects/mobilefirst.md, "Known differences".
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from heliograph.core.errors import InvalidRequest, InvalidToken, Problem, ProblemKind
from heliograph.core.model.registration import Attribute
from heliograph.web.bodies import parse_json

if TYPE_CHECKING:
    from heliograph.core.model.registration import Registration

_KEYS = {"userPublicKey": Attribute.P256DH, "userAuth": Attribute.AUTH}


def to_subscription(token: str) -> tuple[str, dict[str, Any]]:
    """Take a token apart: the endpoint, and its keys as attributes; raises InvalidToken."""
    try:
        read = parse_json(token.encode("utf-8", "replace"))
    except InvalidRequest:
        read = None
    names = ("endpoint", *_KEYS)
    if not isinstance(read, dict) or not all(isinstance(read.get(name), str) for name in names):
        expected = f"the JSON text of an object with {', '.join(names)}"
        raise InvalidToken([Problem(("token",), ProblemKind.MALFORMED, expected)])
    return read["endpoint"], {attribute: read[name] for name, attribute in _KEYS.items()}


def from_subscription(registration: Registration) -> str:
    """Put a token together as it was sent: the SDK compares the texts."""
    keys = {name: registration.attributes.get(key, "") for name, key in _KEYS.items()}
    token = {"endpoint": registration.token, **keys}
    return json.dumps(token, ensure_ascii=False, separators=(",", ":"))
