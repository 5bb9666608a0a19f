"""What an unexpected failure may say in a log."""

from __future__ import annotations

import traceback


def frames_of(error: BaseException) -> list[str]:
    """Say where an error came from, causes first.

    Frames and type names only: the texts of exceptions may quote tokens and
    bodies.
    """
    frames = [
        f"{frame.filename}:{frame.lineno} {frame.name}"
        for frame in traceback.extract_tb(error.__traceback__)
    ]
    cause = error.__cause__ or error.__context__
    return (
        [type(error).__name__, *frames]
        if cause is None
        else [
            *frames_of(cause),
            type(error).__name__,
            *frames,
        ]
    )
