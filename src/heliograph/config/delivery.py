"""How the engine works, and how long what it did is kept."""

from __future__ import annotations

from pydantic import Field

from heliograph.config.section import Section


class Delivery(Section):
    """How the engine works.

    pages_in_flight: of one worker process, one of them for small sends.
    application_pages, application_per_second: what one application may have
    of a worker's pages, and send in a second to one provider; None: as much
    as there is.
    """

    page_size: int = Field(default=1000, ge=1, le=10_000)
    pages_in_flight: int = Field(default=4, ge=1, le=64)
    small_sends: int = Field(default=64, ge=1, le=1000)
    turn_pages: int = Field(default=8, ge=1)
    application_pages: int | None = Field(default=None, ge=1)
    application_per_second: float | None = Field(default=None, gt=0)
    lease_s: float = Field(default=60.0, gt=1)
    poll_s: float = Field(default=1.0, gt=0)
    sweep_s: float = Field(default=1.0, gt=0)
    max_attempts: int = Field(default=12, ge=1)
    request_timeout_s: float = Field(default=20.0, gt=0)


class Retention(Section):
    """How long what has ended is kept. rows: that one step may delete.

    sessions_days: from when a session is over.
    """

    departed_days: float = Field(default=30.0, gt=0)
    notifications_days: float = Field(default=30.0, gt=0)
    webhook_events_days: float = Field(default=7.0, gt=1)
    sessions_days: float = Field(default=30.0, gt=1)
    every_s: float = Field(default=60.0, gt=0)
    rows: int = Field(default=500, ge=1, le=10_000)
