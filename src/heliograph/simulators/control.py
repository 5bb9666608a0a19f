"""What the demo's web layer mounts to look into the inbox and to script faults."""

from typing import Any

from heliograph.simulators.faults import Fault, FaultBook
from heliograph.simulators.inbox import Inbox


def inbox_json(inbox: Inbox, token: str | None) -> list[dict[str, Any]]:
    """List what arrived for a token, or everything with None; oldest first."""
    return [push.to_json() for push in inbox.received(token)]


def script_fault(faults: FaultBook, body: Any) -> dict[str, Any]:
    """Add one fault and say it back with its defaults; ValueError names each problem."""
    fault = Fault.from_json(body)
    faults.add(fault)
    said = {
        "token": fault.token,
        "status": fault.status,
        "reason": fault.reason,
        "timestamp": fault.timestamp,
        "times": fault.times,
        "retry_after": fault.retry_after,
        "delay_ms": fault.delay_ms,
        "action": fault.action.value,
        "field": fault.field,
    }
    return {name: value for name, value in said.items() if value is not None}
