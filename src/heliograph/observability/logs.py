"""Structured logs: one event name from a fixed list, plus fields.

Tokens, credentials and texts of notifications are never fields. Events:
server_started, server_stopping, server_stopped, settings_unreadable, request_failed,
store_unavailable, shard_interrupted, shard_failed, lease_lost, epoch_lost,
claim_failed, renewal_failed, sweep_failed,
webhook_claim_failed, webhook_failed, webhook_disabled.
"""

from __future__ import annotations

import logging
import sys

import structlog

LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}


def configure(level: str, *, json_lines: bool) -> None:
    """Send logs to standard error; raises KeyError for an unknown level."""
    threshold = LEVELS[level]
    renderer: structlog.typing.Processor
    if json_lines:
        renderer = structlog.processors.JSONRenderer()
    else:
        renderer = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.StackInfoRenderer(),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, force=True)
