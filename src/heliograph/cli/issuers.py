"""`heliograph issuers add|list|remove|identity-token`: whose signed tokens are believed."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from heliograph.cli.operator import as_operator
from heliograph.cli.options import ApplicationId, ConfigFile, DatabaseUrl, DataDir
from heliograph.cli.output import AsJson, show, show_one
from heliograph.core.errors import InvalidRequest, Problem, ProblemKind
from heliograph.core.identity.issuers import IssuerDraft
from heliograph.core.ids import parse, spell
from heliograph.core.model.identity import SessionForm
from heliograph.core.model.issuer import KeyAlgorithm
from heliograph.security.jwt import UnusableKey, sign_jwt

if TYPE_CHECKING:
    from heliograph.core.core import Core
    from heliograph.core.model.application import Application
    from heliograph.core.model.identity import ClientPrincipal
    from heliograph.core.model.issuer import Issuer

app = typer.Typer(help="Whose signed tokens applications believe.", no_args_is_help=True)

_LIFE_S = 300

KeyFile = Annotated[
    Path | None,
    typer.Option("--public-key-file", exists=True, dir_okay=False, help="A public key in PEM."),
]
DemoFile = Annotated[
    Path,
    typer.Option("--demo-file", exists=True, dir_okay=False, help="The demo.json of a demo."),
]


@app.command("add")
def add_issuer(
    name: Annotated[str, typer.Argument(help="What its tokens say in `iss`.")],
    application: ApplicationId,
    form: Annotated[
        SessionForm, typer.Option(help="Which door its tokens open: native or layer.")
    ] = SessionForm.NATIVE,
    audience: Annotated[
        str | None, typer.Option(help="What they say in `aud`; the application's id if absent.")
    ] = None,
    key_id: Annotated[str, typer.Option(help="What they say in `kid`.")] = "",
    algorithm: Annotated[
        KeyAlgorithm, typer.Option(help="What the key signs with.")
    ] = KeyAlgorithm.RS256,
    public_key_file: KeyFile = None,
    jwks_url: Annotated[str | None, typer.Option(help="Where it publishes its keys.")] = None,
    data: DataDir = None,
    database_url: DatabaseUrl = None,
    config_file: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Trust an issuer from now on."""
    keys: tuple[tuple[str, KeyAlgorithm, str], ...] = ()
    if public_key_file is not None:
        keys = ((key_id, algorithm, public_key_file.read_text(errors="replace")),)
    draft = IssuerDraft(form, name, audience, keys, jwks_url)

    async def work(core: Core, place: Application, operator: ClientPrincipal) -> Any:
        return _row(await core.issuers.add(operator, place, draft))

    show_one(as_operator(config_file, data, database_url, application, work), as_json=as_json)


@app.command("list")
def list_issuers(
    application: ApplicationId,
    data: DataDir = None,
    database_url: DatabaseUrl = None,
    config_file: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """List whom an application trusts."""

    async def work(core: Core, place: Application, operator: ClientPrincipal) -> Any:
        return [_row(issuer) for issuer in await core.issuers.all_of(operator, place)]

    rows = as_operator(config_file, data, database_url, application, work)
    show(rows, as_json=as_json, empty="It trusts nobody yet: heliograph issuers add")


@app.command("remove")
def remove_issuer(
    issuer: Annotated[str, typer.Argument(help="The issuer's id, iss_….")],
    application: ApplicationId,
    data: DataDir = None,
    database_url: DatabaseUrl = None,
    config_file: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Trust an issuer no more; a server that runs follows within `security.cache_ttl_s`."""

    async def work(core: Core, place: Application, operator: ClientPrincipal) -> Any:
        await core.issuers.remove(operator, place, parse("issuer", issuer))
        return {"id": issuer, "removed": True}

    show_one(as_operator(config_file, data, database_url, application, work), as_json=as_json)


@app.command("identity-token")
def print_identity_token(
    nonce: Annotated[str, typer.Argument(help="What POST /nonces answered.")],
    demo_file: DemoFile,
    user: Annotated[str, typer.Option(help="Whom it names.")] = "layer-user",
) -> None:
    """Sign a Layer identity token with a demo's key, as a customer's back end would."""
    print(identity_token(demo_file.read_text(errors="replace"), user, nonce, int(time.time())))


def identity_token(demo: str, user_id: str, nonce: str, now_s: int) -> str:
    """Sign with the facts of a `demo.json`; raises InvalidRequest for a file without them."""
    try:
        layer = json.loads(demo)["layer"]
        claims = {
            "iss": layer["provider_id"],
            "prn": user_id,
            "iat": now_s,
            "exp": now_s + _LIFE_S,
            "nce": nonce,
        }
        key_id, pem = layer["key_id"], layer["private_key"]
        return sign_jwt(claims, algorithm="RS256", key_id=key_id, key_pem=pem)
    except (ValueError, KeyError, TypeError, UnusableKey):
        expected = "a demo.json with a Layer provider id, key id and private key"
        problem = Problem(("--demo-file",), ProblemKind.MALFORMED, expected)
        raise InvalidRequest([problem]) from None


def _row(issuer: Issuer) -> dict[str, Any]:
    return {
        "id": spell("issuer", issuer.id),
        "issuer": issuer.name,
        "form": issuer.form.value,
        "audience": issuer.audience,
        "keys": ", ".join(f"{key.key_id} ({key.algorithm})" for key in issuer.keys),
        "jwks_url": issuer.jwks_url,
    }
