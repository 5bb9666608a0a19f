"""From a scripted fault to what the listener does."""

from typing import Final

from heliograph.outbound.http2.frames import ErrorCode
from heliograph.simulators.exchange import (
    Answer,
    Drop,
    Farewell,
    Freeze,
    Garble,
    Reaction,
    Reset,
    Silence,
    Squeeze,
)
from heliograph.simulators.faults import Action, Fault


def misbehave(fault: Fault, answer: Answer | None, *, debug: bytes = b"") -> Reaction:
    """Turn a fault into a reaction.

    answer: what the fault's status comes to in the provider's words, None without a status.
    debug: what a GOAWAY says besides.
    """
    plain = _PLAIN.get(fault.action)
    if plain is not None:
        return plain
    if fault.action is Action.GOAWAY:
        # Refused work must be safe to repeat elsewhere, so only a push that was taken counts
        # as processed.
        mine = answer if fault.takes_push else None
        return Farewell(mine, debug, fault.last_stream_id, fault.finishes)
    if fault.action is Action.RST:
        return Reset(_code_named(fault.reason))
    if fault.action is Action.SQUEEZE and answer is not None:
        return Squeeze(answer, fault.max_streams, fault.window_bytes, fault.requests)
    return answer if answer is not None else Silence()


_PLAIN: Final[dict[Action, Reaction]] = {
    Action.HANG: Silence(),
    Action.FREEZE: Freeze(),
    Action.CLOSE: Drop(),
    Action.RESET: Drop(is_reset=True),
    Action.BAD_HPACK: Garble(breaks_hpack=True),
    Action.BAD_FRAME: Garble(breaks_hpack=False),
}


def _code_named(name: str | None) -> ErrorCode:
    return ErrorCode.__members__.get(name or "", ErrorCode.REFUSED_STREAM)
