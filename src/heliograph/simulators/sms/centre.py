"""The fake of an SMS centre: SMPP 3.4 over TCP, with reports of what it "delivered".

It names a message in hexadecimal when it takes it and in decimal when it reports, as many do.
"""

import asyncio
import json
import ssl
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Final

from heliograph.simulators.faults import SMPP_BIND, Action, Fault, FaultBook, Listener, Tally
from heliograph.simulators.inbox import Inbox, ReceivedPush
from heliograph.simulators.push_log import PushLog
from heliograph.simulators.sms import pdus
from heliograph.simulators.sms.pdus import HEADER, Submitted, read_submission, read_texts, spell

SYSTEM_ID: Final = "demo"
PASSWORD: Final = "demo-pw"  # noqa: S105 - the fake's own

_FIRST_ID: Final = 0x1A2B
_LARGEST_PDU: Final = 70_000
_OK: Final = 0
_FAILED: Final = 0x45
_BAD_LENGTH: Final = 0x02
_BAD_COMMAND: Final = 0x03
_NOT_BOUND: Final = 0x04
_BAD_PASSWORD: Final = 0x0E
_BAD_SYSTEM_ID: Final = 0x0F
_BAD_NUMBER: Final = 0x0B
_INTERNATIONAL: Final = 1
_GONE: Final = (Action.CLOSE, Action.RESET)
_SILENT: Final = (Action.HANG, Action.FREEZE)


class CentreFake:
    """A centre for one account. submitted: every part that was taken."""

    def __init__(
        self,
        *,
        inbox: Inbox,
        faults: FaultBook,
        now: Callable[[], datetime],
        log: PushLog | None = None,
    ) -> None:
        self._inbox = inbox
        self._faults = faults
        self._now = now
        self._log = PushLog(0) if log is None else log
        self._sessions: set[_CentreSession] = set()
        self._next_id = _FIRST_ID
        self._parts: dict[tuple[str, int], dict[int, Submitted]] = {}
        self.submitted: list[Submitted] = []
        self.answers: list[int] = []
        """The statuses that our reports were answered with."""
        self.binds = 0
        self.enquiries = 0
        self.host = ""
        self.port = 0
        self.tls_port = 0
        """Where it speaks TLS; 0 while it has no certificate."""

    @property
    def connection_count(self) -> int:
        """Return how many connections are open."""
        return len(self._sessions)

    async def start(
        self, host: str, port: int, certificate: Path | None = None, *, tls_port: int = 0
    ) -> None:
        """Listen; port 0 takes a free one.

        certificate: a file that holds it and its key; with one it listens for TLS besides.
        """
        self.host = host
        self._servers: list[asyncio.Server] = []
        self.port = await self._listen(port, None)
        if certificate is not None:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(certificate)
            self.tls_port = await self._listen(tls_port, context)

    async def stop(self) -> None:
        """Cut all connections and close."""
        for server in self._servers:
            server.close()
        self.drop()
        for server in self._servers:
            await server.wait_closed()

    async def _listen(self, port: int, context: ssl.SSLContext | None) -> int:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(
            lambda: _CentreSession(self), self.host, port, ssl=context
        )
        self._servers.append(server)
        return int(server.sockets[0].getsockname()[1])

    def drop(self) -> None:
        """Cut all connections, as a centre that restarts does."""
        for session in tuple(self._sessions):
            session.abort()

    def opened(self, session: "_CentreSession") -> None:
        """Note a connection."""
        self._sessions.add(session)

    def closed(self, session: "_CentreSession") -> None:
        """Forget a connection."""
        self._sessions.discard(session)

    def bind(self, body: bytes) -> tuple[int, Fault | None]:
        """Say what a bind is answered, or which fault it meets."""
        fault = self._faults.take(SMPP_BIND)
        if fault is not None and not fault.takes_push:
            return _status_of(fault), fault
        try:
            system_id, password, _ = read_texts(body, 3)
        except ValueError:
            return _BAD_LENGTH, None
        if system_id != SYSTEM_ID:
            return _BAD_SYSTEM_ID, None
        if password != PASSWORD:
            return _BAD_PASSWORD, None
        self.binds += 1
        return _OK, fault

    def submit(self, body: bytes, tally: Tally) -> tuple[int, str, Fault | None, bytes]:
        """Say what a part is answered: status, id, fault, and a report to be sent."""
        try:
            part = read_submission(body)
        except (ValueError, IndexError, KeyError, StopIteration, RuntimeError):
            return _BAD_LENGTH, "", None, b""
        number = f"+{part.number}"
        if part.destination_ton != _INTERNATIONAL or not part.number.isdigit():
            return _BAD_NUMBER, "", None, b""
        fault = self._faults.take(number, tally)
        if fault is not None and not fault.takes_push:
            status = _status_of(fault)
            self._log.add("smpp", status, b"-", number)
            return status, "", fault, b""
        self._next_id += 1
        message_id = f"{self._next_id:x}"
        self._log.add("smpp", _OK, message_id.encode(), number)
        self._keep(part, number)
        if not part.wants_receipt:
            return _OK, message_id, fault, b""
        stat = (fault.reason if fault is not None else None) or "DELIVRD"
        report = pdus.spell_receipt(
            self._next_id,
            source=part.number,
            destination=part.source,
            message_id=f"{self._next_id:010d}",
            stat=stat,
        )
        return _OK, message_id, fault, report

    def _keep(self, part: Submitted, number: str) -> None:
        """Keep a part, and with the last one the whole message."""
        self.submitted.append(part)
        parts = self._parts.setdefault((number, part.reference), {})
        parts[part.part[0]] = part
        if len(parts) < part.part[1]:
            return
        del self._parts[number, part.reference]
        whole = {
            "text": "".join(parts[place].text for place in sorted(parts)),
            "from": part.source,
            "parts": part.part[1],
            "coding": part.coding,
        }
        body = json.dumps(whole).encode()
        self._inbox.add(ReceivedPush("sms", number, {}, body, self._now()))


class _CentreSession(asyncio.Protocol):
    """One client's connection."""

    def __init__(self, centre: CentreFake) -> None:
        self._centre = centre
        self._tally = Tally(Listener.SMPP)
        self._input = bytearray()
        self._is_bound = False
        self._is_silent = False
        self._timers: set[asyncio.TimerHandle] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport) or hasattr(transport, "write")
        self._transport: asyncio.Transport = transport  # type: ignore[assignment] # uvloop's own class
        self._centre.opened(self)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        for timer in self._timers:
            timer.cancel()
        self._centre.closed(self)

    def abort(self) -> None:
        """Cut the connection."""
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        self._input += data
        while len(self._input) >= HEADER.size and not self._is_silent:
            length, command, status, sequence = HEADER.unpack_from(self._input)
            if not HEADER.size <= length <= _LARGEST_PDU:
                self.abort()
                return
            if len(self._input) < length:
                return
            body = bytes(self._input[HEADER.size : length])
            del self._input[:length]
            self._react(command, status, sequence, body)

    def _react(self, command: int, status: int, sequence: int, body: bytes) -> None:
        if command in pdus.BINDS:
            said, fault = self._centre.bind(body)
            is_answered = fault is None or fault.action is Action.REPLY
            self._is_bound = said == _OK and is_answered
            name = b"heliograph\0" if self._is_bound else b""
            self._answer(spell(command | pdus.RESPONSE, said, sequence, name), fault)
        elif command == pdus.SUBMIT_SM:
            self._submit(sequence, body)
        elif command == pdus.ENQUIRE_LINK:
            self._centre.enquiries += 1
            self._write(spell(command | pdus.RESPONSE, _OK, sequence))
        elif command == pdus.UNBIND:
            self._write(spell(command | pdus.RESPONSE, _OK, sequence))
            self._transport.close()
        elif command == pdus.DELIVER_SM | pdus.RESPONSE:
            self._centre.answers.append(status)
        elif not command & pdus.RESPONSE:
            self._write(spell(pdus.GENERIC_NACK, _BAD_COMMAND, sequence))

    def _submit(self, sequence: int, body: bytes) -> None:
        kind = pdus.SUBMIT_SM | pdus.RESPONSE
        if not self._is_bound:
            self._write(spell(kind, _NOT_BOUND, sequence))
            return
        status, message_id, fault, report = self._centre.submit(body, self._tally)
        said = message_id.encode() + b"\0" if status == _OK else b""
        self._answer(spell(kind, status, sequence, said), fault)
        if report and not self._is_silent:
            self._write(report)

    def _answer(self, spelled: bytes, fault: Fault | None) -> None:
        """Answer, or do what a fault says instead."""
        if fault is None or fault.action is Action.REPLY:
            if fault is None or not fault.delay_ms:
                self._write(spelled)
                return
            loop = asyncio.get_running_loop()
            self._timers.add(loop.call_later(fault.delay_ms / 1000, self._write, spelled))
        elif fault.action in _SILENT:
            # From now on it neither reads nor says anything; the connection stays.
            self._is_silent = fault.action is Action.FREEZE
        elif fault.action in _GONE:
            self.abort()
        else:
            self._write(b"\0\0\0\1garbage")

    def _write(self, octets: bytes) -> None:
        with suppress(RuntimeError):
            if not self._transport.is_closing():
                self._transport.write(octets)


def _status_of(fault: Fault) -> int:
    """Say a fault's status in SMPP: its reason names it, by name or in hexadecimal."""
    if fault.reason is None:
        return _FAILED
    if fault.reason in pdus.STATUSES:
        return pdus.STATUSES[fault.reason]
    with suppress(ValueError):
        return int(fault.reason, 16)
    return _FAILED
