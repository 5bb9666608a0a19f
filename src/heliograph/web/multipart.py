"""Bodies of `multipart/form-data`: texts and files, within the limits of any body.

Source: RFC 7578.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException

from heliograph.core.errors import InvalidRequest, Problem, ProblemKind

if TYPE_CHECKING:
    from heliograph.web.request import Request

MAX_PARTS = 20


@dataclass(frozen=True, slots=True)
class Upload:
    """A file of a form. name: what the caller called it."""

    name: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class MultipartForm:
    """A form's fields; of a repeated one the last counts."""

    texts: dict[str, str]
    files: dict[str, Upload]


async def read_multipart(request: Request) -> MultipartForm:
    """Read a form with files.

    Raises InvalidRequest for what is none or has too many parts,
    PayloadTooLarge, RequestTimeout, ClientDisconnect.
    """
    # Whole and bounded first: the parser itself knows no limit for files.
    body = await request.body()
    texts: dict[str, str] = {}
    files: dict[str, Upload] = {}
    try:
        async with request.form(
            max_files=MAX_PARTS, max_fields=MAX_PARTS, max_part_size=max(len(body), 1)
        ) as form:
            for name, value in form.multi_items():
                if isinstance(value, UploadFile):
                    files[name] = Upload(value.filename or "", await value.read())
                else:
                    texts[name] = value
    except (MultiPartException, KeyError, UnicodeError, LookupError) as error:
        expected = f"a form of at most {MAX_PARTS} parts in multipart/form-data"
        raise InvalidRequest([Problem((), ProblemKind.MALFORMED, expected)]) from error
    return MultipartForm(texts, files)
