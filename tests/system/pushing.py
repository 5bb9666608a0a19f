"""One person's phone, a push for her, and what became of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.system.http_client import Api


def register(native: Api, token: str, user_id: str, *, provider: str = "apns") -> str:
    body = {"provider": provider, "token": token, "user_id": user_id}
    answer = native.post("/registrations", body)
    assert answer.status == 201, answer.body
    return answer.json()["id"]


def send(native: Api, user_id: str) -> str:
    answer = native.post(
        "/notifications",
        {
            "audience": {"users": [user_id]},
            "content": {"title": "News", "body": "First light"},
        },
    )
    assert answer.status == 202, answer.body
    return answer.json()["id"]


def delivery_of(
    native: Api, notification: str, registration: str, *, state: str | None = None
) -> dict[str, Any] | None:
    """Find what became of one push, once it is known and in the state that is waited for."""
    for item in native.get(f"/notifications/{notification}/deliveries").json()["items"]:
        if item["registration_id"] == registration and state in (None, item["state"]):
            return item
    return None
