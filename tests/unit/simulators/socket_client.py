"""The `h2` library as a client over a real socket."""

import asyncio
import ssl

import h2.config
import h2.connection
import h2.events

from heliograph.outbound.http2 import frames

_PATIENCE_S = 5
_READ_BYTES = 65_536


class SocketClient:
    """One HTTP/2 connection; use as an async context manager."""

    def __init__(self, fake, ca_file, *, alpn=("h2",)):
        self._fake = fake
        self._tls = ssl.create_default_context(cafile=ca_file)
        self._tls.set_alpn_protocols(list(alpn))
        self.events = []

    async def __aenter__(self):
        self._reader, self._writer = await asyncio.open_connection(
            self._fake.host, self._fake.port, ssl=self._tls
        )
        config = h2.config.H2Configuration(client_side=True, header_encoding="utf-8")
        self.h2 = h2.connection.H2Connection(config)
        self.h2.initiate_connection()
        await self.wait_for(h2.events.RemoteSettingsChanged)
        return self

    async def __aexit__(self, *_):
        self._writer.transport.abort()
        await asyncio.sleep(0)

    def post(self, path, headers, body):
        """Send a request; with an empty body the stream stays open for one."""
        stream_id = self.h2.get_next_available_stream_id()
        self.h2.send_headers(
            stream_id,
            [
                (":method", "POST"),
                (":scheme", "https"),
                (":authority", "localhost"),
                (":path", path),
                *headers.items(),
            ],
        )
        if body:
            self.h2.send_data(stream_id, body, end_stream=True)
        return stream_id

    async def ping(self, within_s=_PATIENCE_S):
        """Wait until the server has read, and answered, all that was sent before."""
        self.events = [e for e in self.events if not isinstance(e, h2.events.PingAckReceived)]
        self.h2.ping(b"heliogra")
        assert await self.wait_for(h2.events.PingAckReceived, within_s=within_s)

    async def trickle(self, stream_id, body):
        """Send a body as the windows let it through, and end the stream."""
        while body:
            room = self.h2.local_flow_control_window(stream_id)
            if not room:
                await self._receive()
                continue
            part, body = body[:room], body[room:]
            self.h2.send_data(stream_id, part)
        self.h2.end_stream(stream_id)
        return stream_id

    async def frames_to_the_end(self):
        """Send what waits, and return all frames that come until the server closes."""
        async with asyncio.timeout(_PATIENCE_S):
            self._writer.write(self.h2.data_to_send())
            received = await self._reader.read(-1)
        return list(frames.FrameReader(frames.LARGEST_MAX_FRAME_SIZE).feed(received))

    async def _receive(self):
        async with asyncio.timeout(_PATIENCE_S):
            self._writer.write(self.h2.data_to_send())
            self.events += self.h2.receive_data(await self._reader.read(_READ_BYTES))

    async def wait_for(self, kind, stream_id=None, *, within_s=_PATIENCE_S):
        """Return the first event of a kind (on a stream); None at the connection's end."""
        async with asyncio.timeout(within_s):
            while True:
                self._writer.write(self.h2.data_to_send())
                for event in self.events:
                    if isinstance(event, kind) and stream_id in (
                        None,
                        getattr(event, "stream_id", None),
                    ):
                        return event
                data = await self._reader.read(_READ_BYTES)
                if not data:
                    return None
                self.events += self.h2.receive_data(data)

    async def reply(self, stream_id):
        """Return (status, headers, body) of a stream."""
        await self.wait_for(h2.events.StreamEnded, stream_id)
        mine = [event for event in self.events if getattr(event, "stream_id", None) == stream_id]
        headers, body = {}, b""
        for event in mine:
            if isinstance(event, h2.events.ResponseReceived):
                headers = dict(event.headers)
            elif isinstance(event, h2.events.DataReceived):
                body += event.data
        return int(headers.pop(":status")), headers, body
