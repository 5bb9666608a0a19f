"""The whole tree, and how it is read.

Values come, strongest first, from the command line, from variables
(`HELIOGRAPH_ROLE`, nested with two underscores:
`HELIOGRAPH_STORAGE__READERS`) and from a TOML file. An unknown key stops the
start-up, and the message names its nearest neighbour.
"""

from __future__ import annotations

import os
from difflib import get_close_matches
from pathlib import Path
from tomllib import TOMLDecodeError
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)
from pydantic_settings import SettingsError as UnreadableVariableError

from heliograph.config.delivery import Delivery, Retention
from heliograph.config.outbound import Outbound, Webhooks
from heliograph.config.providers import Apns, Fcm, Sms, WebPush, Wns
from heliograph.config.server import Door, Limits, Listener, Logs, Role, Security
from heliograph.config.storage import Storage

if TYPE_CHECKING:
    from collections.abc import Sequence

_PREFIX = "HELIOGRAPH_"
_NESTING = "__"


class Config(BaseSettings):
    """The whole tree."""

    model_config = SettingsConfigDict(
        env_prefix=_PREFIX, env_nested_delimiter=_NESTING, frozen=True, extra="forbid"
    )

    data: Path = Path("var")
    role: Role = Role.ALL
    default_application: str | None = None
    listener: Listener = Listener()
    limits: Limits = Limits()
    storage: Storage = Storage()
    delivery: Delivery = Delivery()
    retention: Retention = Retention()
    apns: Apns = Apns()
    fcm: Fcm = Fcm()
    wns: Wns = Wns()
    sms: Sms = Sms()
    webpush: WebPush = WebPush()
    outbound: Outbound = Outbound()
    webhooks: Webhooks = Webhooks()
    security: Security = Security()
    logs: Logs = Logs()
    doors: tuple[Door, ...] = ()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read arguments, variables and, where `toml_file` is set, a file."""
        del dotenv_settings, file_secret_settings
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)

    def url_of(self, host: str, port: int) -> str:
        """Answer the address under which links are made: never from a Host header."""
        if self.listener.public_url:
            return self.listener.public_url.rstrip("/")
        scheme = "https" if self.listener.tls_certificate else "http"
        return f"{scheme}://{host}:{port}"


class SettingsError(Exception):
    """Settings that can't be, in sentences that name each wrong key and no value."""


def load(toml_file: Path | None = None, **overrides: Any) -> Config:
    """Read the settings; raises SettingsError."""
    if toml_file is not None and not toml_file.is_file():
        raise SettingsError(f"there is no settings file {toml_file}")

    class FromFile(Config):
        model_config = SettingsConfigDict(toml_file=toml_file)

    loaded: Config | None = None
    wrong = _unknown_variables()
    try:
        loaded = FromFile(**overrides)
    except ValidationError as error:
        wrong += _sentences(error)
    except UnreadableVariableError as error:
        wrong.append(str(error))
    except (TOMLDecodeError, UnicodeDecodeError) as error:
        wrong.append(f"the settings file is not TOML: {error}")
    if wrong or loaded is None:
        # Raised here, without the errors above as its cause: those quote values.
        raise SettingsError("; ".join(wrong))
    return loaded


def _unknown_variables() -> list[str]:
    """Find variables that look like settings and belong to none: nothing else would read them."""
    known = [name.upper() for name in Config.model_fields]
    wrong = []
    for variable in sorted(os.environ):
        section, nesting, rest = variable.upper().removeprefix(_PREFIX).partition(_NESTING)
        if variable.upper().startswith(_PREFIX) and section not in known:
            near = get_close_matches(section, known, 1)
            wrong.append(_no_such_setting(variable, [f"{_PREFIX}{n}{nesting}{rest}" for n in near]))
    return wrong


def _sentences(error: ValidationError) -> list[str]:
    lines = []
    for problem in error.errors(include_url=False, include_input=False):
        path = [str(part) for part in problem["loc"]]
        name = ".".join(path)
        if problem["type"] == "extra_forbidden":
            near = get_close_matches(path[-1], _names_beside(path), 1)
            lines.append(_no_such_setting(name, near))
        else:
            lines.append(f"{name}: {problem['msg']}")
    return lines


def _no_such_setting(name: str, near: Sequence[str]) -> str:
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return f"there is no setting {name!r}{hint}"


def _names_beside(path: list[str]) -> list[str]:
    """Name the settings that stand where a path's last key was looked for."""
    section: Any = Config
    for part in path[:-1]:
        if part.isdecimal():
            continue
        annotation = section.model_fields[part].annotation
        section = Door if part == "doors" else annotation
    return list(section.model_fields)
