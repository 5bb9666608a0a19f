"""Problem documents.

Source: docs/dialects/native.md.
"""

from __future__ import annotations

from heliograph.core.errors import ProblemKind
from heliograph.web.schemas import Schema


class FoundProblem(Schema):
    """One thing wrong with a request."""

    path: str
    kind: ProblemKind
    expected: str


class ProblemDocument(Schema):
    """Any error, as RFC 9457 has it."""

    type: str
    title: str
    status: int
    code: str
    detail: str | None = None
    problems: tuple[FoundProblem, ...] = ()
