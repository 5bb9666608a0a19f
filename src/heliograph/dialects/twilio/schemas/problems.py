"""How every refusal looks."""

from __future__ import annotations

from heliograph.dialects.twilio.schemas.wire import Answer
from heliograph.web.schemas import Items


class Problem(Answer):
    """One thing wrong with a request. context: its JSON path, where there is one."""

    code: int
    message: str
    info_url: str
    context: str | None


class Problems(Answer):
    """All that is wrong. The other members stand beside it where a gateway would answer."""

    errors: Items[Problem]
    code: int | None = None
    message: str | None = None
    more_info: str | None = None
    status: int | None = None
