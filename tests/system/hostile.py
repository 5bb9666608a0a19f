"""Bodies and paths that no honest client sends. No body makes a registration in any dialect."""

from __future__ import annotations

import json

TOKEN = "hostile-token-0123456789abcdef"
"""In every body that has a token at all, so that its echo can be looked for."""

SECRETS = (TOKEN, "hgk_unknown", "hgs_unknown")


def _body(**fields: object) -> bytes:
    whole = {"token": TOKEN, "type": "gcm", "provider": "fcm", "device_id": "d", **fields}
    return json.dumps(whole).encode()


def _spelled(name: str, raw: bytes) -> bytes:
    """A body in which one field is spelled by hand."""
    return _body(**{name: "@"}).replace(b'"@"', raw)


BODIES: dict[str, bytes] = {
    "empty": b"",
    "space": b"  ",
    "cut": _body()[:-1],
    "two": _body() + _body(),
    "text": b'"x"',
    "number": b"5",
    "null": b"null",
    "true": b"true",
    "list": b"[]",
    "list-of-bodies": b"[" + _body() + b"]",
    "nothing": b"{}",
    "no-token": b'{"type": "gcm", "provider": "fcm", "device_id": "d"}',
    "token-null": _body(token=None),
    "token-number": _body(token=5),
    "token-list": _body(token=[TOKEN]),
    "token-object": _body(token={"a": TOKEN}),
    "token-empty": _body(token=""),
    "token-long": _body(token="x" * 5000),
    "token-control": _body(token=f"{TOKEN}\n"),
    "token-delete": _body(token=f"{TOKEN}\x7f"),
    "token-nul": _spelled("token", b'"a\\u0000b"'),
    "token-raw-nul": _spelled("token", b'"a\x00b"'),
    "token-surrogate": _spelled("token", b'"\\ud800"'),
    "token-wrong-pair": _spelled("token", b'"\\udc00\\ud800"'),
    "token-raw-surrogate": _spelled("token", b'"\xed\xa0\x80"'),
    "device-surrogate": _spelled("device_id", b'"\\udfff"'),
    "device-nul": _spelled("device_id", b'"\\u0000"'),
    "device-control": _body(device_id="a\tb"),
    "device-long": _body(device_id="x" * 257),
    "device-number": _body(device_id=5),
    "device-huge": _spelled("device_id", b"1" * 5000),
    "type-wrong": _body(type="pigeon", provider="pigeon"),
    "type-list": _body(type=["gcm"], provider=["fcm"]),
    "type-case": _body(type="GCM", provider="FCM"),
    "nan": _spelled("device_id", b"NaN"),
    "infinity": _spelled("device_id", b"-Infinity"),
    "past-all-bounds": _spelled("device_id", b"1e999"),
    "huge-integer": _spelled("device_id", b"123456789012345678901234567890"),
    "last-of-twice-wins": _body()[:-1] + b', "token": 5}',
    "brackets": b"[" * 100_000,
    "braces": b'{"a":' * 100_000,
    "closed-brackets": b"[" * 100_000 + b"]" * 100_000,
    "deep-inside": _spelled("device_id", b"[" * 500 + b"]" * 500),
    "latin-1": _spelled("device_id", b'"\xe9"'),
    "utf-16": _body().decode().encode("utf-16"),
    "binary": bytes(range(256)),
    "comment": _body() + b"// x",
    "form": b"token=x&type=gcm",
    "surrogate-key": _body()[:-1] + b', "\\ud800": 1}',
    "nul-key": _body()[:-1] + b', "\\u0000": 1}',
}

TARGETS = (
    "/%2F",
    "/%2f..%2f",
    "/%00",
    "/a%00b",
    "/%ff",
    "/%ed%a0%80",
    "/..",
    "/../..",
    "/.",
    "/%2e%2e",
    "//",
    "//x",
    "/x/",
    "/x//y",
    "/%",
    "/%zz",
    "/%0a",
    "/%25%30%30",
    "/;",
    "/x?y",
    "/" + "x" * 257,
    "/" + "x" * 30_000,
    "/" + "%41" * 10_000,
    "/" + "y/" * 1000,
    "/reg_" + "0" * 26,
    "/reg_" + "z" * 26,
)
