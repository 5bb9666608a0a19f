"""What an application is set up with for each provider."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from starlette.responses import Response

from heliograph.core.errors import InvalidRequest, NotFound
from heliograph.core.model.application import SmsGateway, WnsCredential
from heliograph.core.model.registration import Environment, ProviderName
from heliograph.dialects.mobilefirst.auth import scopes
from heliograph.dialects.mobilefirst.mapping import provider_settings as mapping
from heliograph.dialects.mobilefirst.routes.admission import APPLICATION, admit, answer
from heliograph.dialects.mobilefirst.schemas import provider_settings as schemas
from heliograph.web.dialect import Route
from heliograph.web.multipart import read_multipart
from heliograph.web.responses import empty_response

if TYPE_CHECKING:
    from collections.abc import Mapping

    from heliograph.core.core import Core
    from heliograph.core.model.application import Secret
    from heliograph.dialects.mobilefirst.auth.scopes import Operation
    from heliograph.dialects.mobilefirst.routes.admission import Admission
    from heliograph.web.request import Request

_SETTINGS = f"{APPLICATION}/settings"
_SOURCE = "docs/dialects/mobilefirst.md#settings"
_FORM = "multipart/form-data"
_BYTES = "application/octet-stream"


async def get_apns(request: Request, core: Core) -> Response:
    """Show what is known of the certificate; 200."""
    entry = await admit(request, core, scopes.APNS_READ)
    return answer(mapping.from_kept_apns(await _kept(core, entry, ProviderName.APNS, "apnsConf")))


async def put_apns(request: Request, core: Core) -> Response:
    """Send by the certificate of a `.p12` file from now on; 200."""
    entry = await admit(request, core, scopes.APNS_WRITE, reads=_FORM)
    texts, upload = mapping.to_apns_form(await read_multipart(request))
    try:
        read = await core.provider_settings.put_file(
            entry.principal,
            entry.application,
            ProviderName.APNS,
            mapping.environment_of(texts),
            upload.content,
            texts.password,
        )
    except InvalidRequest as error:
        raise mapping.renamed(error) from error
    kept = mapping.to_kept_apns(texts, upload, read.valid_until)
    await core.provider_settings.keep(entry.principal, entry.application, ProviderName.APNS, kept)
    return answer(mapping.from_kept_apns(kept))


async def delete_apns(request: Request, core: Core) -> Response:
    """Send to no iOS device any more; 204."""
    return await _delete(request, core, scopes.APNS_WRITE, ProviderName.APNS)


async def get_apns_file(request: Request, core: Core) -> Response:
    """Give the uploaded file back; 200."""
    entry = await admit(request, core, scopes.APNS_FILE_READ, answers=_BYTES)
    name, content = mapping.file_of(await _kept(core, entry, ProviderName.APNS, "apnsCert"))
    disposition = f"attachment; filename*=UTF-8''{quote(name, safe='', errors='replace')}"
    return Response(content, 200, {"Content-Disposition": disposition}, _BYTES)


async def get_gcm(request: Request, core: Core) -> Response:
    """Show Google's settings; 200."""
    entry = await admit(request, core, scopes.GCM_READ)
    return answer(mapping.from_kept_gcm(await _kept(core, entry, ProviderName.FCM, "gcmConf")))


async def get_gcm_public(request: Request, core: Core) -> Response:
    """Tell devices the sender id; 200."""
    entry = await admit(request, core, scopes.GCM_PUBLIC_READ)
    principal = entry.principal
    # A device's token has no right to settings; of these it may know just this.
    rights = principal.client.scopes | {scopes.READ_SETTINGS}
    reader = replace(principal, client=replace(principal.client, scopes=rights))
    kept = await _kept(core, replace(entry, principal=reader), ProviderName.FCM, "gcmConfPublic")
    return answer(schemas.GcmConfPublic(senderId=kept["senderId"]))


async def put_gcm(request: Request, core: Core) -> Response:
    """Send by a service account from now on; 200."""
    entry = await admit(request, core, scopes.GCM_PUT)
    body = await request.read(schemas.GcmConf)
    if mapping.is_service_account(body.api_key):
        secret = core.credentials.read_secret(
            ProviderName.FCM, Environment.PRODUCTION, body.api_key
        )
        await _put(core, entry, secret)
    else:
        # A key of Google's old API, which is gone: kept and shown, and good for nothing.
        await core.provider_settings.remove(entry.principal, entry.application, ProviderName.FCM)
    kept = body.model_dump(by_alias=True)
    await core.provider_settings.keep(entry.principal, entry.application, ProviderName.FCM, kept)
    return answer(body)


async def delete_gcm(request: Request, core: Core) -> Response:
    """Send to no Android device any more; 204."""
    return await _delete(request, core, scopes.GCM_WRITE, ProviderName.FCM)


async def get_wns(request: Request, core: Core) -> Response:
    """Show Microsoft's settings; 200."""
    entry = await admit(request, core, scopes.WNS_READ)
    found = await core.provider_settings.credential(
        entry.principal, entry.application, ProviderName.WNS
    )
    if found is None or not isinstance(found.secret, WnsCredential):
        raise NotFound("settings", "wnsConf")
    return answer(mapping.from_wns(found.secret))


async def put_wns(request: Request, core: Core) -> Response:
    """Send as this app of the Store from now on; 200."""
    entry = await admit(request, core, scopes.WNS_WRITE)
    body = await request.read(schemas.WnsConf)
    await _put(core, entry, mapping.to_wns(body))
    return answer(body)


async def delete_wns(request: Request, core: Core) -> Response:
    """Send to no Windows device any more; 204."""
    return await _delete(request, core, scopes.WNS_WRITE, ProviderName.WNS)


async def get_sms(request: Request, core: Core) -> Response:
    """Show the gateway; 200."""
    entry = await admit(request, core, scopes.SMS_READ)
    found = await core.provider_settings.credential(
        entry.principal, entry.application, ProviderName.SMS
    )
    if found is None or not isinstance(found.secret, SmsGateway):
        raise NotFound("settings", "smsConf")
    return answer(mapping.from_gateway(found.secret))


async def put_sms(request: Request, core: Core) -> Response:
    """Send text messages by this gateway from now on; 200."""
    entry = await admit(request, core, scopes.SMS_WRITE)
    gateway = mapping.to_gateway(await request.read(schemas.SmsConfBody))
    await _put(core, entry, gateway)
    return answer(mapping.from_gateway(gateway))


async def delete_sms(request: Request, core: Core) -> Response:
    """Send no text messages any more; 204."""
    return await _delete(request, core, scopes.SMS_WRITE, ProviderName.SMS)


async def _put(core: Core, entry: Admission, secret: Secret) -> None:
    try:
        await core.provider_settings.put(
            entry.principal, entry.application, Environment.PRODUCTION, secret
        )
    except InvalidRequest as error:
        raise mapping.renamed(error) from error


async def _kept(
    core: Core, entry: Admission, provider: ProviderName, shown_as: str
) -> Mapping[str, Any]:
    kept = await core.provider_settings.kept(entry.principal, entry.application, provider)
    if kept is None:
        raise NotFound("settings", shown_as)
    return kept


async def _delete(
    request: Request, core: Core, operation: Operation, provider: ProviderName
) -> Response:
    entry = await admit(request, core, operation)
    settings = core.provider_settings
    if not await settings.remove_all(entry.principal, entry.application, provider):
        raise NotFound("settings", request.url.path.rstrip("/").rpartition("/")[2])
    return empty_response()


def _with_post(put: Route) -> tuple[Route, Route]:
    """Let POST update as PUT does: the reference's first edition lists it so."""
    return put, replace(put, method="POST")


ROUTES = (
    Route(
        "GET",
        f"{_SETTINGS}/apnsConf",
        get_apns,
        source=_SOURCE,
        summary="Show the APNs certificate",
        answers={200: schemas.ApnsConf},
    ),
    *_with_post(
        Route(
            "PUT",
            f"{_SETTINGS}/apnsConf",
            put_apns,
            source=_SOURCE,
            summary="Set the APNs certificate",
            body=schemas.ApnsUpload,
            body_type=_FORM,
            answers={200: schemas.ApnsConf},
        )
    ),
    Route(
        "DELETE",
        f"{_SETTINGS}/apnsConf",
        delete_apns,
        source=_SOURCE,
        summary="Remove the APNs certificate",
        answers={204: None},
    ),
    Route(
        "GET",
        f"{_SETTINGS}/apnsCert",
        get_apns_file,
        source=_SOURCE,
        summary="Get the file of the APNs certificate",
        answers={200: None},
    ),
    Route(
        "GET",
        f"{_SETTINGS}/gcmConf",
        get_gcm,
        source=_SOURCE,
        summary="Show Google's settings",
        answers={200: schemas.GcmConf},
    ),
    *_with_post(
        Route(
            "PUT",
            f"{_SETTINGS}/gcmConf",
            put_gcm,
            source=_SOURCE,
            summary="Set Google's settings",
            body=schemas.GcmConf,
            answers={200: schemas.GcmConf},
        )
    ),
    Route(
        "DELETE",
        f"{_SETTINGS}/gcmConf",
        delete_gcm,
        source=_SOURCE,
        summary="Remove Google's settings",
        answers={204: None},
    ),
    Route(
        "GET",
        f"{_SETTINGS}/gcmConfPublic",
        get_gcm_public,
        source=_SOURCE,
        summary="Tell the sender id",
        answers={200: schemas.GcmConfPublic},
    ),
    Route(
        "GET",
        f"{_SETTINGS}/wnsConf",
        get_wns,
        source=_SOURCE,
        summary="Show Microsoft's settings",
        answers={200: schemas.WnsConf},
    ),
    *_with_post(
        Route(
            "PUT",
            f"{_SETTINGS}/wnsConf",
            put_wns,
            source=_SOURCE,
            summary="Set Microsoft's settings",
            body=schemas.WnsConf,
            answers={200: schemas.WnsConf},
        )
    ),
    Route(
        "DELETE",
        f"{_SETTINGS}/wnsConf",
        delete_wns,
        source=_SOURCE,
        summary="Remove Microsoft's settings",
        answers={204: None},
    ),
    Route(
        "GET",
        f"{_SETTINGS}/smsConf",
        get_sms,
        source=_SOURCE,
        summary="Show the gateway of text messages",
        answers={200: schemas.SmsConf},
    ),
    *_with_post(
        Route(
            "PUT",
            f"{_SETTINGS}/smsConf",
            put_sms,
            source=_SOURCE,
            summary="Set the gateway of text messages",
            body=schemas.SmsConfBody,
            answers={200: schemas.SmsConf},
        )
    ),
    Route(
        "DELETE",
        f"{_SETTINGS}/smsConf",
        delete_sms,
        source=_SOURCE,
        summary="Remove the gateway of text messages",
        answers={204: None},
    ),
)
