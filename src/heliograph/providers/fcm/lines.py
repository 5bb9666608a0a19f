"""Connections to FCM, one per credential, and what their replies say of its project."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from weakref import WeakSet

from heliograph.outbound.http2.dial import dial_tls
from heliograph.outbound.http2.messages import Lost
from heliograph.outbound.http2.pool import SenderPool
from heliograph.outbound.http2.sender import Http2Sender

if TYPE_CHECKING:
    import ssl
    from collections.abc import Sequence

    from heliograph.core.model.application import ProviderCredential
    from heliograph.core.right_of_way import RightOfWay
    from heliograph.outbound.http2.fleet import Dial
    from heliograph.outbound.http2.messages import Headers, Reply, Request
    from heliograph.outbound.http2.pool import Line
    from heliograph.outbound.http2.sender import Origin

_OK: Final = 200


class Lines:
    """Sends requests on the line of their credential."""

    def __init__(
        self,
        origin: Origin,
        tls: ssl.SSLContext,
        *,
        timeout_s: float,
        dial: Dial = dial_tls,
        way: RightOfWay | None = None,
    ) -> None:
        self._origin = origin
        self._timeout_s = timeout_s
        self._senders = SenderPool(lambda origin: Http2Sender(origin, tls, dial=dial, way=way))
        # The lines through which FCM has taken something: their project is there.
        self._proven: WeakSet[Line] = WeakSet()

    @property
    def is_closed(self) -> bool:
        """Whether nothing is sent any more."""
        return self._senders.is_closed

    async def send(
        self,
        credential: ProviderCredential,
        headers: Headers,
        requests: Sequence[Request],
        *,
        method: bytes = b"POST",
    ) -> tuple[list[Reply | Lost], bool]:
        """Send requests; answer their results in order, and whether the project is known.

        A project is known once FCM has taken something for it: what is not
        found after that is the token.
        """
        place = (credential.application_id, credential.environment)
        with self._senders.lease(credential.id, place, self._origin) as line:
            results = await line.sender.send(
                headers, requests, method=method, timeout_s=self._timeout_s
            )
            # Read off all of them first: one success explains its neighbours' failures.
            if any(map(_is_success, results)):
                self._proven.add(line)
            return results, line in self._proven

    async def close(self) -> None:
        """Close every connection; what is under way is lost."""
        await self._senders.close()


def _is_success(result: Reply | Lost) -> bool:
    return not isinstance(result, Lost) and result.status == _OK
