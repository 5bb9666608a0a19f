"""One connection: a session wired to an asyncio transport."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, cast

from heliograph.outbound.http2.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable

    from heliograph.outbound.http2.batch import Batch
    from heliograph.outbound.http2.messages import Lost
    from heliograph.outbound.http2.settings import SenderSettings

_WRITE_BUFFER_BYTES: Final = 262_144
# Answers that pile up while the peer does not read (to PINGs, SETTINGS) have an end.
_LARGEST_BACKLOG_FRAMES: Final = 10_000


class Connection(asyncio.Protocol):
    """Carries a session's frames: everything queued in one loop turn leaves in one write.

    ready: set when requests may start, or when the connection failed before
    that (`session.fault` says why). closed: set when the transport is gone.
    on_change: called after anything that may have made room, settled
    requests or ended the connection.
    """

    def __init__(
        self, authority: bytes, settings: SenderSettings, on_change: Callable[[Connection], None]
    ) -> None:
        loop = asyncio.get_running_loop()
        self.session = Session(authority, settings)
        self.ready: asyncio.Future[None] = loop.create_future()
        self.closed: asyncio.Future[None] = loop.create_future()
        self._settings = settings
        self._on_change = on_change
        self._loop = loop
        self._transport: asyncio.Transport | None = None
        self._is_paused = False
        self._is_flush_due = False
        self._was_heard = False
        self._made_at = self._last_heard_at = loop.time()
        self._ping_sent_at: float | None = None
        self._pings_acknowledged = 0

    @property
    def has_room(self) -> bool:
        """Whether one more request may start now."""
        return not self._is_paused and self.session.room > 0

    def start(self, batch: Batch, limit: int) -> int:
        """Start requests of a batch, as many as there is room for; return how many."""
        session = self.session
        first_id = session.next_stream_id
        started = session.start(batch, batch.peek(min(limit, session.room)))
        batch.advance(started)
        batch.runs.append((self, range(first_id, session.next_stream_id, 2)))
        if session.is_draining:
            self._on_change(self)  # It ran out of stream ids.
        return started

    def cancel(self, batch: Batch, stream_ids: range, result: Lost) -> None:
        """Reset those of the streams that still belong to a batch."""
        self.session.cancel(batch, stream_ids, result)
        self._on_change(self)
        self._flush_soon()

    def flush(self) -> None:
        """Write what the session has queued, as one piece."""
        transport = self._transport
        session = self.session
        if transport is None or transport.is_closing() or not session.has_output:
            return
        if not self._is_paused:
            was_full = session.is_output_full
            transport.write(session.take_output())
            if was_full:
                self._on_change(self)
        elif session.backlog_frames > _LARGEST_BACKLOG_FRAMES:
            self.abort("the server does not read")

    def close(self) -> None:
        """Say goodbye and close; what is under way is lost."""
        self.session.close()
        self._end()

    def abort(self, reason: str) -> None:
        """Drop the connection at once."""
        self.session.lose(reason)
        if self._transport is not None:
            self._transport.abort()
        self._note_ready()

    def check_peer(self, now: float) -> None:
        """Probe a silent peer, and give up one that does not answer the probe.

        Called now and then with the loop's time.
        """
        session = self.session
        if not session.is_peer_ready and now - self._made_at >= self._settings.dead_peer_timeout_s:
            self.abort("the server did not open the session")
            self._on_change(self)
            return
        if self._was_heard:
            self._was_heard = False
            self._last_heard_at = now
        if session.pings_acknowledged != self._pings_acknowledged:
            self._pings_acknowledged = session.pings_acknowledged
            self._ping_sent_at = None
        half_timeout_s = self._settings.dead_peer_timeout_s / 2
        silent_s = now - self._last_heard_at
        if self._ping_sent_at is not None:
            if min(now - self._ping_sent_at, silent_s) >= half_timeout_s:
                self.abort("the server does not answer")
                self._on_change(self)
            return
        patience_s = self._settings.ping_interval_s
        if session.open_streams:
            patience_s = min(patience_s, half_timeout_s)
        if silent_s >= patience_s:
            session.ping()
            self._ping_sent_at = now
            self._flush_soon()

    # --- asyncio.Protocol ---------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start the session, if the server agreed to speak HTTP/2."""
        self._transport = cast("asyncio.Transport", transport)
        tls = transport.get_extra_info("ssl_object")
        if tls is None or tls.selected_alpn_protocol() != "h2":
            self.abort("the server does not offer HTTP/2")
            return
        self._transport.set_write_buffer_limits(high=_WRITE_BUFFER_BYTES)
        # The preface leaves before anything can end the session and drop what is queued.
        self.flush()
        if self._settings.streams_before_settings:
            self._note_ready()

    def data_received(self, data: bytes) -> None:
        """Hand received bytes to the session and see what they changed."""
        self._was_heard = True
        session = self.session
        session.receive(data)
        if session.is_closed:
            self._end()
        elif session.is_peer_ready:
            self._note_ready()
        # Requests that find room now shall leave in one write with what is queued already.
        self._on_change(self)
        if session.has_output:
            self._flush_soon()

    def pause_writing(self) -> None:
        """Hold frames back: the peer reads more slowly than we write."""
        self._is_paused = True

    def resume_writing(self) -> None:
        """Go on writing."""
        self._is_paused = False
        self._on_change(self)
        self._flush_soon()

    def connection_lost(self, exc: Exception | None) -> None:
        """Settle what was under way."""
        self.session.lose(f"the connection was lost: {exc or 'closed by the server'}")
        self._note_ready()
        if not self.closed.done():
            self.closed.set_result(None)
        self._on_change(self)

    def _flush_soon(self) -> None:
        if not self._is_flush_due:
            self._is_flush_due = True
            self._loop.call_soon(self._flush_now)

    def _flush_now(self) -> None:
        self._is_flush_due = False
        self.flush()

    def _end(self) -> None:
        """Write the last frames and close the transport."""
        self._note_ready()
        if self._transport is not None and not self._transport.is_closing():
            if self.session.has_output:
                self._transport.write(self.session.take_output())
            self._transport.close()

    def _note_ready(self) -> None:
        if not self.ready.done():
            self.ready.set_result(None)
