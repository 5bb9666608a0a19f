"""A connection to the fakes' HTTP/2 server without sockets: the `h2` library, or bare frames."""

import asyncio

import h2.config
import h2.connection
from hpack import Encoder

from heliograph.outbound.http2 import frames
from heliograph.simulators.exchange import Answer
from heliograph.simulators.http2_server import Http2Connection

HEADERS = [
    (":method", "POST"),
    (":scheme", "https"),
    (":authority", "localhost"),
    (":path", "/3/device/ab"),
]


def of_type(events, kind):
    return [event for event in events if isinstance(event, kind)]


def rst_codes(replies):
    return [
        (frame.stream_id, frames.parse_rst_stream(frame))
        for frame in replies
        if frame.type == frames.FrameType.RST_STREAM
    ]


class ScriptedFake:
    """Reacts as told, and remembers what was asked."""

    def __init__(self, *reactions, max_streams=100):
        self.max_streams = max_streams
        self.reactions = list(reactions)
        self.requests = []

    def open_session(self):
        return self

    def react(self, request):
        self.requests.append(request)
        return self.reactions.pop(0) if self.reactions else Answer(200)


class Wire(asyncio.Transport):
    """The transport of a server connection; what it writes lands in `writes`."""

    def __init__(self, fake):
        super().__init__()
        self.writes = []
        self.is_closed = self.is_aborted = self.is_paused = False
        self.gone = []
        self.server = Http2Connection(fake, self.gone.append)
        self.server.connection_made(self)

    def write(self, data):
        self.writes.append(bytes(data))

    def close(self):
        self.is_closed = True

    def abort(self):
        self.is_aborted = self.is_closed = True

    def is_closing(self):
        return self.is_closed

    def pause_reading(self):
        self.is_paused = True

    def resume_reading(self):
        self.is_paused = False

    def take_frames(self):
        """Return what the server wrote since the last call, as frames."""
        reader = frames.FrameReader(frames.LARGEST_MAX_FRAME_SIZE)
        written = list(reader.feed(b"".join(self.writes)))
        self.writes.clear()
        return written


class BareClient:
    """Sends frames that a well-behaved library would not."""

    def __init__(self, fake, *, settings=()):
        self.wire = Wire(fake)
        self.encoder = Encoder()
        self.send(frames.PREFACE, frames.settings_frame(settings), frames.settings_ack_frame())
        self.wire.take_frames()

    def send(self, *parts):
        self.wire.server.data_received(b"".join(parts))

    def block(self, *extra, fields=None):
        return self.encoder.encode([*(HEADERS if fields is None else fields), *extra])

    def request(self, stream_id, *extra, body=b"", fields=None):
        head = frames.header_frames(
            stream_id, self.block(*extra, fields=fields), end_stream=not body
        )
        return head + (frames.data_frame(stream_id, body, end_stream=True) if body else b"")

    def answers(self, *parts):
        """Send, and return what comes back."""
        self.send(*parts)
        return self.wire.take_frames()


class H2Client:
    """The `h2` library on the other end of a wire."""

    def __init__(self, fake):
        self.wire = Wire(fake)
        config = h2.config.H2Configuration(client_side=True, header_encoding="utf-8")
        self.h2 = h2.connection.H2Connection(config)
        self.h2.initiate_connection()

    def exchange(self):
        """Carry bytes both ways until nobody has any left; return the client's events."""
        events = []
        while True:
            outgoing = self.h2.data_to_send()
            if outgoing:
                self.wire.server.data_received(outgoing)
            incoming = b"".join(self.wire.writes)
            self.wire.writes.clear()
            if incoming:
                events += self.h2.receive_data(incoming)
            elif not outgoing:
                return events

    def request(self, body=b"{}", *, headers=()):
        stream_id = self.h2.get_next_available_stream_id()
        self.h2.send_headers(stream_id, [*HEADERS, *headers])
        self.h2.send_data(stream_id, body, end_stream=True)
        return stream_id
