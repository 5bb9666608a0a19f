"""One request on a connection and its answer, the whole of it in one write.

uvicorn writes an answer's head when it hears of it and the body after that:
two system calls for each answer, and two packets. An answer whose head says
how long it is has its body at hand, so the head waits for it here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from uvicorn.protocols.http.httptools_impl import (
    HEADER_RE,
    HEADER_VALUE_RE,
    STATUS_LINE,
    RequestResponseCycle,
)

if TYPE_CHECKING:
    from uvicorn._types import ASGISendEvent, HTTPResponseStartEvent

_SPECIAL = (b"connection", b"transfer-encoding")
"""Headers that say more than what they say to the client: uvicorn acts on them."""


class Exchange(RequestResponseCycle):
    """A request on its way through the application.

    Answers in pieces, without a length, or with something to see to besides
    the writing, are written as uvicorn writes them.
    """

    _head: HTTPResponseStartEvent | None = None

    def body_at_hand(self) -> bytes | None:
        """Answer the whole body where it has come; None where some of it is on its way."""
        if self.more_body or self.waiting_for_100_continue or self.disconnected:
            return None
        body, self.body = bytes(self.body), bytearray()
        return body

    async def send(self, message: ASGISendEvent) -> None:
        """Take a part of an answer; raises RuntimeError for one out of its order."""
        head, self._head = self._head, None
        if head is None:
            if message["type"] == "http.response.start" and self._is_to_wait(message):
                self._head = message
                return
        elif message["type"] == "http.response.body" and not message.get("more_body", False):
            fields = [*head.get("headers", ())]
            body = message.get("body", b"")
            if self._is_plain(fields, len(body)):
                self._answer(head["status"], fields, body)
                return
        if head is not None:
            await super().send(head)
        await super().send(message)

    def _is_to_wait(self, head: HTTPResponseStartEvent) -> bool:
        """Say whether a head waits for its body: where that has a length it is on its way."""
        return not self.response_started and b"content-length" in dict(head.get("headers", ()))

    def _is_plain(self, fields: list[tuple[bytes, bytes]], length: int) -> bool:
        """Say whether a whole answer is to be written, and nothing else."""
        said = dict(fields)
        return (
            said[b"content-length"] == b"%d" % length
            and said.keys().isdisjoint(_SPECIAL)
            and self.keep_alive
            and not (self.disconnected or self.flow.write_paused or self.access_log)
            and self.scope["method"] != "HEAD"
            # What no header may hold, or a line's end inside would begin another one.
            and not HEADER_RE.search(b"".join([name for name, _ in fields]))
            and not HEADER_VALUE_RE.search(b"".join([value for _, value in fields]))
        )

    def _answer(self, status: int, fields: list[tuple[bytes, bytes]], body: bytes) -> None:
        self.response_started = self.response_complete = True
        self.waiting_for_100_continue = False
        lines = [b"%b: %b\r\n" % field for field in (*self.default_headers, *fields)]
        self.transport.write(b"".join((STATUS_LINE[status], *lines, b"\r\n", body)))
        self.message_event.set()
        self.on_response()
