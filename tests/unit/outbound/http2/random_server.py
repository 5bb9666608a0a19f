"""A server that does whatever HTTP/2 lets a server do, as a random source decides."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from h2.events import SettingsAcknowledged, StreamEnded, StreamReset
from h2.exceptions import ProtocolError as H2ProtocolError
from tests.unit.outbound.http2.memory import H2Server

from heliograph.outbound.http2 import frames
from heliograph.outbound.http2.frames import Flag, FrameReader, FrameType

if TYPE_CHECKING:
    from random import Random

_ACTIONS = [
    *["reply"] * 4,
    "early",
    "refuse",
    "kill",
    "settings",
    "settings",
    "grant",
    "ping",
    "inform",
    "goaway",
    "drop",
    "wait",
]


@dataclass(slots=True)
class Ledger:
    """What all servers of one run did."""

    chaos_left: int
    processed: Counter[bytes] = field(default_factory=Counter)
    actions: Counter[str] = field(default_factory=Counter)
    requests: dict[bytes, bytes] = field(default_factory=dict)


class RandomServer(H2Server):
    def __init__(self, random: Random, ledger: Ledger, *, is_generous: bool = False) -> None:
        """is_generous: h2 enforces its settings before a client can know them, so let all pass."""
        super().__init__(
            max_concurrent_streams=random.choice([3, 100] if is_generous else [1, 3, 100]),
            initial_window_size=65_535 if is_generous else random.choice([0, 5, 200, 65_535]),
            header_table_size=random.choice([4096] if is_generous else [0, 100, 4096, 10_000]),
        )
        self._random = random
        self._ledger = ledger
        self._complete: list[int] = []
        self._answered: set[int] = set()
        self._unacknowledged: list[tuple[int, int]] = []
        self._cut = frames.LARGEST_STREAM_ID
        self._highest_processed = 0
        self._is_calm = False
        # h2 takes any ACK for one of everything it sent: one SETTINGS at a time, then.
        self._is_settled = False
        self._is_turn_due = False
        self._out_reader = FrameReader(frames.LARGEST_MAX_FRAME_SIZE)

    def connected(self) -> None:
        super().connected()
        self._turn_soon()

    def handle(self, event: Any) -> None:
        if isinstance(event, SettingsAcknowledged):
            self._is_settled = True
        elif isinstance(event, StreamEnded):
            if event.stream_id not in self._answered:
                self._complete.append(event.stream_id)
            headers, body = self.requests[event.stream_id]
            self._ledger.requests[headers[b"apns-id"]] = bytes(body)
        elif isinstance(event, StreamReset) and event.stream_id in self._complete:
            self._complete.remove(event.stream_id)
        super().handle(event) if not isinstance(event, StreamEnded) else None
        self._turn_soon()

    def on_data(self, event: Any) -> None:
        self._unacknowledged.append((event.flow_controlled_length, event.stream_id))

    # --- Turns --------------------------------------------------------------

    def _turn_soon(self) -> None:
        if not self._is_turn_due and not self.is_gone:
            self._is_turn_due = True
            asyncio.get_running_loop().call_soon(self._turn)

    def _turn(self) -> None:
        self._is_turn_due = False
        if self.is_gone:
            return
        if self._ledger.chaos_left > 0:
            self._ledger.chaos_left -= 1
            action = self._random.choice(_ACTIONS)
            self._ledger.actions[action] += 1
            getattr(self, f"_do_{action}")()
            self._turn_soon()
        else:
            self._be_calm()
        self.flush()

    def _be_calm(self) -> None:
        """Let everything come to its end."""
        if not self._is_calm and self._is_settled:
            self._is_calm = True
            self.h2.update_settings({3: 100, 4: 65_535})
        self._do_grant()
        for stream_id in [*self._complete]:
            self._answer(stream_id)

    def _pending(self) -> int | None:
        pending = [stream_id for stream_id in self._complete if stream_id <= self._cut]
        return self._random.choice(pending) if pending else None

    def _process(self, stream_id: int) -> dict[bytes, bytes]:
        headers, _ = self.requests[stream_id]
        self._ledger.processed[headers[b"apns-id"]] += 1
        self._highest_processed = max(self._highest_processed, stream_id)
        return headers

    def _answer(self, stream_id: int) -> None:
        if stream_id in self._complete:
            self._complete.remove(stream_id)
        if stream_id > self._cut:
            return
        random = self._random
        self._answered.add(stream_id)
        headers = self._process(stream_id)
        body = bytes(random.randrange(256) for _ in range(random.choice([0, 0, 1, 90])))
        status = random.choice([b"200", b"200", b"410", b"503"])
        echo = [
            (b":status", status),
            (b"apns-id", headers[b"apns-id"]),
            (b"size", b"%d" % len(body)),
        ]
        has_trailers = random.random() < 0.2
        self.h2.send_headers(stream_id, echo, end_stream=not body and not has_trailers)
        while body:
            size = random.randint(0, len(body))
            part, body = body[:size], body[size:]
            self.h2.send_data(
                stream_id,
                part,
                end_stream=not body and not has_trailers,
                pad_length=random.choice([None, 0, 9]),
            )
        if has_trailers:
            self.h2.send_headers(stream_id, [(b"checksum", b"1")], end_stream=True)

    # --- Actions ------------------------------------------------------------

    def _do_reply(self) -> None:
        if (stream_id := self._pending()) is not None:
            self._answer(stream_id)

    def _do_early(self) -> None:
        """Answer a request whose body is still under way."""
        half = [
            s
            for s in self.requests
            if s <= self._cut
            and s not in self._complete
            and s not in self._answered
            and s in self.h2.streams
            and self.h2.streams[s].open
        ]
        if half:
            self._answer(self._random.choice(half))

    def _do_refuse(self) -> None:
        if (stream_id := self._pending()) is not None:
            self._complete.remove(stream_id)
            self.h2.reset_stream(stream_id, 7)

    def _do_kill(self) -> None:
        if (stream_id := self._pending()) is not None:
            self._complete.remove(stream_id)
            if self._random.random() < 0.5:
                self._process(stream_id)
            self.h2.reset_stream(stream_id, self._random.choice([1, 2, 8, 11]))

    def _do_settings(self) -> None:
        if not self._is_settled:
            return
        self._is_settled = False
        random = self._random
        choices = {
            1: [0, 60, 300, 4096, 9999],
            3: [0, 1, 2, 50],
            4: [0, 1, 30, 400, 65_535],
            5: [16_384, 20_000],
        }
        keys = random.sample(sorted(choices), random.randint(1, 3))
        self.h2.update_settings({key: random.choice(choices[key]) for key in keys})

    def _do_grant(self) -> None:
        for size, stream_id in self._unacknowledged:
            if size:
                self.h2.acknowledge_received_data(size, stream_id)
        self._unacknowledged.clear()
        if self._is_calm:
            for stream_id, stream in [*self.h2.streams.items()]:
                if stream.open and stream_id not in self._complete:
                    self._widen(stream_id)

    def _widen(self, stream_id: int) -> None:
        with suppress(H2ProtocolError):  # The client has sent all of it.
            self.h2.increment_flow_control_window(10_000, stream_id)

    def _do_ping(self) -> None:
        self.h2.ping(b"chaotic!")

    def _do_inform(self) -> None:
        if (stream_id := self._pending()) is not None:
            self.h2.send_headers(stream_id, [(b":status", b"103"), (b"link", b"x")])

    def _do_goaway(self) -> None:
        if self._random.random() < 0.3:
            cut = frames.LARGEST_STREAM_ID
        else:
            kept = {0, *self.requests, self._highest_processed}
            cut = self._random.choice([s for s in sorted(kept) if s >= self._highest_processed])
        self._cut = min(self._cut, cut)
        self.flush()
        code = self._random.choice([0, 0, 2])
        self.transport.deliver(frames.goaway_frame(self._cut, code, b"chaos"))

    def _do_drop(self) -> None:
        for stream_id in [s for s in self._complete if s <= self._cut]:
            if self._random.random() < 0.5:
                self._process(stream_id)
        self.transport.drop(self._random.choice([None, ConnectionResetError("chaos")]))

    def _do_wait(self) -> None:
        pass

    # --- Output -------------------------------------------------------------

    def flush(self) -> None:
        """Hand over the output with header blocks cut and padded, in random pieces."""
        frames_out = self._out_reader.feed(self.h2.data_to_send())
        wire = b"".join(self._mangled(frame) for frame in frames_out)
        while wire and not self.is_gone:
            size = self._random.choice([1, 8, 9, 30, 100_000])
            self.transport.deliver(wire[:size])
            wire = wire[size:]

    def _mangled(self, frame: frames.Frame) -> bytes:
        random = self._random
        if frame.type != FrameType.HEADERS or random.random() < 0.5:
            return frames.pack_frame(*frame)
        padding = random.randint(0, 5)
        size = random.randint(0, len(frame.payload))
        first = bytes([padding]) + frame.payload[:size] + bytes(padding)
        flags = frame.flags & ~Flag.END_HEADERS | Flag.PADDED
        return frames.pack_frame(frame.type, flags, frame.stream_id, first) + frames.pack_frame(
            FrameType.CONTINUATION, Flag.END_HEADERS, frame.stream_id, frame.payload[size:]
        )
