"""From a scripted fault to what the listener does."""

from typing import assert_never

from heliograph.outbound.http2.frames import ErrorCode
from heliograph.simulators.exchange import Answer, Drop, Farewell, Reaction, Reset, Silence
from heliograph.simulators.faults import Action, Fault


def misbehave(fault: Fault, answer: Answer | None, *, debug: bytes = b"") -> Reaction:
    """Turn a fault into a reaction.

    answer: what the fault's status comes to in the provider's words, None without a status.
    debug: what a GOAWAY says besides.
    """
    match fault.action:
        case Action.REPLY:
            return answer if answer is not None else Silence()
        case Action.GOAWAY:
            # Refused work must be safe to repeat elsewhere, so only a push that was taken
            # counts as processed.
            return Farewell(answer if fault.takes_push else None, debug)
        case Action.RST:
            return Reset(_code_named(fault.reason))
        case Action.HANG:
            return Silence()
        case Action.CLOSE:
            return Drop()
        case _:
            assert_never(fault.action)


def _code_named(name: str | None) -> ErrorCode:
    return ErrorCode.__members__.get(name or "", ErrorCode.REFUSED_STREAM)
