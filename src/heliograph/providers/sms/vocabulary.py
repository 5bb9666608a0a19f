"""Words that a gateway's parameters and an SMPP account may say to us."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Setting(StrEnum):
    """Parameters that say how to speak to a gateway. None of them travels.

    Source: docs/providers/sms.md, "HTTP gateway".
    """

    HTTPS = "httpsEnabled"
    METHOD = "method"
    TO_NAME = "toParamName"
    TEXT_NAME = "textParamName"
    FROM_NAME = "fromParamName"
    SUCCESS = "successText"
    FAILURE = "failureText"
    UNKNOWN_NUMBER = "unknownNumberText"
    ID_AFTER = "messageIdAfter"


class Placeholder(StrEnum):
    """What stands for a message's own values inside a parameter's value."""

    TO = "{to}"
    DIGITS = "{digits}"
    TEXT = "{text}"
    FROM = "{from}"
    CODING = "{coding}"


class Meaning(StrEnum):
    """What a centre's own status comes to."""

    DEFERRED = "deferred"
    REJECTED = "rejected"
    GONE = "gone"
    MISCONFIGURED = "misconfigured"


MEANINGS: Final = tuple(each.value for each in Meaning)
