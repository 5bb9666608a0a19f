"""Bodies of applications."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from heliograph.core.errors import ProblemKind
from heliograph.dialects.mobilefirst.schemas.wire import Flag, Name, PageInfo, PageQuery, Wire
from heliograph.web.schemas import custom_error


def _one_segment(name: str) -> str:
    if "/" in name:
        raise custom_error(ProblemKind.MALFORMED, "free of slashes")
    return name


class ApplicationBody(Wire):
    """The body of `POST /apps`. The administration service spells `Enabled`."""

    application_id: Annotated[Name, AfterValidator(_one_segment)]
    enabled: Flag | None = None
    enabled_there: Annotated[Flag | None, Field(alias="Enabled")] = None

    @property
    def is_enabled(self) -> bool:
        """Say whether it may be sent to."""
        said = self.enabled if self.enabled is not None else self.enabled_there
        return said is not False


class StatusBody(Wire):
    """The body of `PUT …/status`."""

    enabled: Flag

    @model_validator(mode="before")
    @classmethod
    def _spell(cls, body: object) -> object:
        if isinstance(body, dict) and "Enabled" in body and "enabled" not in body:
            return {**body, "enabled": body["Enabled"]}
        return body


class Application(Wire):
    """An application. What is None is left out."""

    application_id: str
    enabled: str | None = None
    created_time: str | None = None
    last_updated_time: str | None = None


class Status(Wire):
    """Whether an application is sent to."""

    enabled: str


class ApplicationQuery(PageQuery):
    """The query of `GET /apps`."""


class ApplicationList(Wire):
    """A page of applications."""

    applications: tuple[Application, ...]
    page_info: PageInfo


class Settings(Wire):
    """Where an application's settings are, by provider."""

    application_id: str
    mode: str
    apns_conf: str
    gcm_conf: str
    wns_conf: str
    sms_conf: str


class Health(Wire):
    """The server's state."""

    status: str
