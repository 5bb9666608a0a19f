"""Many phones that register at once, until the server is gone or all are in."""

from __future__ import annotations

import threading
from http.client import HTTPException
from itertools import count
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from types import TracebackType

    from tests.system.http_client import Api

CONNECTIONS = 16


class Storm:
    """Registers one token after the other over many connections.

    acknowledged: the tokens of a 201, statuses: all that was answered.
    """

    def __init__(self, native: Api, *, total: int | None = None, prefix: str = "storm") -> None:
        self.acknowledged: list[str] = []
        self.statuses: set[int] = set()
        self._native = native
        self._total = total
        self._prefix = prefix
        self._numbers = count()
        self._threads = [threading.Thread(target=self._register) for _ in range(CONNECTIONS)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None:
            self._total = 0
        for thread in self._threads:
            thread.join()

    def _register(self) -> None:
        connection = self._native.connection()
        try:
            while self._total is None or len(self.acknowledged) < self._total:
                number = next(self._numbers)
                if self._total is not None and number >= self._total:
                    return
                token = f"{self._prefix}-{number}"
                body = {"provider": "fcm", "token": token, "user_id": f"user-{number}"}
                answer = self._native.call("POST", "/registrations", body, connection=connection)
                self.statuses.add(answer.status)
                if answer.status == 201:
                    self.acknowledged.append(token)
        except (OSError, HTTPException):
            return  # The server is gone, which is what some storms are for.
        finally:
            connection.close()
