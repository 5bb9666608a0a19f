"""Changes who is in FCM's topics, over either of Google's interfaces."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from heliograph.core.errors import InvalidRequest, Problem, ProblemKind
from heliograph.core.model.application import FcmCredential
from heliograph.core.model.outcome import Deferred, Misconfigured
from heliograph.outbound.http1 import OutboundError
from heliograph.outbound.http2.messages import Lost
from heliograph.providers.fcm.groups import topic_problem
from heliograph.providers.fcm.request import HEADERS
from heliograph.providers.fcm.response import interpret_lost
from heliograph.providers.fcm.settings import MAX_TOPIC_CHARS
from heliograph.providers.fcm.topics import (
    SUBSCRIBE,
    UNSUBSCRIBE,
    build_batch,
    build_subscription,
    interpret_batch,
    interpret_subscription,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from heliograph.core.model.application import ProviderCredential
    from heliograph.core.model.outcome import Outcome
    from heliograph.outbound.http1 import Http1Client
    from heliograph.providers.fcm.auth import AccessTokens
    from heliograph.providers.fcm.lines import Lines

_CLOSED: Final = Deferred("the server is stopping", timedelta(0))


class FcmTopics:
    """Subscribes devices to topics and ends that.

    instance_id_url: where the Instance ID service is; None for the
    registrations of FCM v1. Lines, tokens and client are the provider's,
    which also closes them.
    """

    def __init__(
        self,
        lines: Lines,
        tokens: AccessTokens,
        client: Http1Client,
        *,
        instance_id_url: str | None,
        timeout_s: float,
    ) -> None:
        self._lines = lines
        self._tokens = tokens
        self._client = client
        self._instance_id_url = instance_id_url
        self._timeout_s = timeout_s

    def check_topic(self, topic: str) -> None:
        """Refuse what can't be a topic of FCM's; raises InvalidRequest."""
        if topic_problem(topic) is not None:
            expected = f"1 to {MAX_TOPIC_CHARS} letters, digits or -_.~%"
            raise InvalidRequest([Problem(("topic",), ProblemKind.MALFORMED, expected)])

    async def change_topic(
        self,
        credential: ProviderCredential,
        topic: str,
        tokens: Sequence[str],
        *,
        subscribe: bool,
        now: datetime,
    ) -> Sequence[Outcome]:
        """Subscribe devices to a topic or end that; one outcome per token, in their order."""
        secret = credential.secret
        if self._lines.is_closed:
            return [_CLOSED] * len(tokens)
        if not isinstance(secret, FcmCredential):
            return [Misconfigured("not an FCM credential")] * len(tokens)
        authorization = await self._tokens.authorization(credential.id, secret, now=now)
        if not isinstance(authorization, bytes):
            return [authorization] * len(tokens)
        if self._instance_id_url is not None:
            url = f"{self._instance_id_url}:{'batchAdd' if subscribe else 'batchRemove'}"
            return await self._change_batch(url, authorization, topic, tokens, now=now)
        results, is_project_known = await self._lines.send(
            credential,
            (*HEADERS, (b"authorization", authorization)),
            [
                build_subscription(secret.project_id, topic, token, subscribe=subscribe)
                for token in tokens
            ],
            method=SUBSCRIBE if subscribe else UNSUBSCRIBE,
        )
        return [
            interpret_lost(result)
            if isinstance(result, Lost)
            else interpret_subscription(result, now=now, is_project_known=is_project_known)
            for result in results
        ]

    async def refresh(self, credential: ProviderCredential) -> None:
        """Forget a refused access token, unless it is less than a minute old."""
        self._tokens.forget(credential.id)

    async def _change_batch(
        self, url: str, authorization: bytes, topic: str, tokens: Sequence[str], *, now: datetime
    ) -> Sequence[Outcome]:
        headers = {
            "authorization": authorization.decode("ascii"),
            "content-type": "application/json",
            # Tells an access token from the server keys of old.
            "access_token_auth": "true",
        }
        body = build_batch(topic, tokens)
        try:
            reply = await self._client.request(
                "POST", url, headers=headers, body=body, timeout_s=self._timeout_s
            )
        except OutboundError as error:
            lost = Lost(error.is_unprocessed, f"Instance ID: {error.detail}")
            return [interpret_lost(lost)] * len(tokens)
        return interpret_batch(reply, len(tokens), now=now)
