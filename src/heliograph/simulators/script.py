"""Faults and scripts as JSON: the schema, and what it comes to.

`schema()` is the JSON Schema of a script, which editors and back ends can check against.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import Field, model_validator

from heliograph.core.errors import ProblemKind
from heliograph.simulators.faults import ANY_TOKEN, Action, Fault, Listener, Rule
from heliograph.web.schemas import Choice, Items, Schema, check, custom_error

if TYPE_CHECKING:
    from collections.abc import Mapping

_LONGEST_DELAY_MS = 600_000
_MOST = 1_000_000_000
_MOST_RULES = 1000
_GONE = 410

Text = Annotated[str, Field(min_length=1, max_length=4096)]
Count = Annotated[int, Field(ge=1, le=_MOST)]


_GOES_WITH: Mapping[str, tuple[Action, ...]] = {
    "delay_ms": (Action.REPLY,),
    "last_stream_id": (Action.GOAWAY,),
    "finishes": (Action.GOAWAY,),
    "max_streams": (Action.SQUEEZE,),
    "window_bytes": (Action.SQUEEZE,),
    "requests": (Action.SQUEEZE,),
}


class _Wrong(Schema):
    """What goes wrong: the fields that a single fault and a rule have in common."""

    status: Annotated[int, Field(ge=200, le=599)] | None = None
    reason: Text | None = None
    timestamp: Annotated[int, Field(ge=0, le=2**53)] | None = None
    died_s_ago: Annotated[int, Field(ge=0, le=2**31)] | None = None
    retry_after: Annotated[int, Field(ge=0, le=2**31)] | None = None
    delay_ms: Annotated[int, Field(ge=0, le=_LONGEST_DELAY_MS)] | None = None
    action: Choice[Action] = Action.REPLY
    field: Text | None = None
    last_stream_id: Annotated[int, Field(ge=0, le=2**31 - 1)] | None = None
    finishes: bool | None = None
    max_streams: Annotated[int, Field(ge=1, le=2**31 - 1)] | None = None
    window_bytes: Annotated[int, Field(ge=1, le=65_535)] | None = None
    requests: Annotated[int, Field(ge=0, le=_MOST)] | None = None

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        for name, actions in _GOES_WITH.items():
            if getattr(self, name) is not None and self.action not in actions:
                wanted = " or ".join(actions)
                raise custom_error(
                    ProblemKind.NOT_ALLOWED, f"free of {name}: it goes with the action {wanted}"
                )
        for name in ("timestamp", "died_s_ago"):
            if getattr(self, name) is not None and self.status != _GONE:
                raise custom_error(
                    ProblemKind.NOT_ALLOWED, f"free of {name}: it goes with status 410 only"
                )
        if self.timestamp is not None and self.died_s_ago is not None:
            raise custom_error(ProblemKind.NOT_ALLOWED, "free of timestamp or of died_s_ago")
        if self.action is Action.SQUEEZE and self.max_streams is None is self.window_bytes:
            raise custom_error(ProblemKind.MISSING, "with max_streams or window_bytes")
        return self

    def _fault(self, token: str, *, times: int) -> Fault:
        values = {name: getattr(self, name) for name in _Wrong.model_fields}
        given = {name: value for name, value in values.items() if value is not None}
        return Fault(token, times=times, **given)


class FaultBody(_Wrong):
    """One fault for one token. token: `*` is any; times: 0 clears the token's faults."""

    token: Text
    times: Annotated[int, Field(ge=0, le=_MOST)] | None = None

    @model_validator(mode="after")
    def _has_status(self) -> Self:
        if self.action is Action.REPLY and self.status is None and self.times != 0:
            raise _missing_status()
        return self

    def to_fault(self) -> Fault:
        """Return the fault it describes."""
        return self._fault(self.token, times=1 if self.times is None else self.times)


class RuleBody(_Wrong):
    """A fault for all pushes that fit; what is not given does not matter.

    nth: this push alone; first, last: from and up to; every: of those each k-th; share of
    the tokens, or with `of_pushes` of the pushes, by hash and seed; by_connection: numbers
    count on each connection; times: how often at most.
    """

    listener: Choice[Listener] | None = None
    token: Text | None = None
    nth: Count | None = None
    first: Count | None = None
    last: Count | None = None
    every: Count | None = None
    share: Annotated[float, Field(gt=0, le=1)] | None = None
    of_pushes: bool = False
    seed: Annotated[int, Field(ge=0, le=2**32 - 1)] = 0
    by_connection: bool = False
    times: Count | None = None

    @model_validator(mode="after")
    def _selects(self) -> Self:
        others = (self.first, self.last, self.every)
        if self.nth is not None and others != (None, None, None):
            raise custom_error(ProblemKind.NOT_ALLOWED, "free of first, last and every with nth")
        if self.last is not None and self.last < (self.first or 1):
            raise custom_error(ProblemKind.TOO_SMALL, "with last no smaller than first")
        if self.action is Action.REPLY and self.status is None and not self.delay_ms:
            raise _missing_status()
        return self

    def to_rule(self) -> Rule:
        """Return the rule it describes."""
        fault = self._fault(ANY_TOKEN, times=1)
        return Rule(
            # A delay alone delays what would be answered anyhow.
            fault if self.status or self.action is not Action.REPLY else _delayed(fault),
            listener=self.listener,
            token=None if self.token == ANY_TOKEN else self.token,
            first=self.nth or self.first or 1,
            last=self.nth or self.last,
            every=self.every or 1,
            share=1.0 if self.share is None else self.share,
            of_pushes=self.of_pushes,
            seed=self.seed,
            by_connection=self.by_connection,
            left=self.times,
        )


class ScriptBody(Schema):
    """A whole script; of its rules the first that fits a push is followed."""

    rules: Annotated[Items[RuleBody], Field(max_length=_MOST_RULES)] = ()

    def to_rules(self) -> list[Rule]:
        """Return its rules, none of them used up."""
        return [rule.to_rule() for rule in self.rules]


class SubscriptionBody(Schema):
    """A page that subscribes. vapid_key: its `applicationServerKey`, None for none."""

    vapid_key: Annotated[str, Field(pattern="^[A-Za-z0-9_-]{87}=?$")] | None = None


def read_fault(body: object) -> Fault:
    """Read one fault; raises InvalidRequest with every problem."""
    return check(body, FaultBody).to_fault()


def read_script(body: object) -> list[Rule]:
    """Read a script; raises InvalidRequest with every problem."""
    return check(body, ScriptBody).to_rules()


def schema() -> dict[str, Any]:
    """Return the JSON Schema of a script."""
    return ScriptBody.model_json_schema()


def _delayed(fault: Fault) -> Fault:
    return replace(fault, status=200)


def _missing_status() -> Exception:
    return custom_error(ProblemKind.MISSING, "with a status, which a reply needs")
