"""Names the providers' adapters, and what each wants known of them before anything is sent.

The half of the wiring that is about providers; `wiring.py` names all the rest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from heliograph.core.model.registration import ProviderName
from heliograph.core.notifications.admission import ProviderRules
from heliograph.outbound.guard import Guard
from heliograph.outbound.http2.dial import dial_tls
from heliograph.outbound.http2.proxy import Proxy
from heliograph.providers.apns import ApnsProvider
from heliograph.providers.apns.certificates import certificate_from_pem
from heliograph.providers.apns.certificates import check_secret as check_apns
from heliograph.providers.apns.plan import check_content as check_apns_content
from heliograph.providers.apns.plan import check_target as check_apns_target
from heliograph.providers.fcm import FcmProvider
from heliograph.providers.fcm.groups import check_target as check_fcm_target
from heliograph.providers.fcm.pace import cold as fcm_pace
from heliograph.providers.fcm.request import check_content as check_fcm_content
from heliograph.providers.fcm.settings import credential_from_service_account
from heliograph.providers.fcm.token_calls import SecretCheck as FcmSecretCheck
from heliograph.providers.sms import SmsProvider
from heliograph.providers.sms.evidence import ReceiptDesk
from heliograph.providers.sms.pace import full as sms_pace
from heliograph.providers.sms.request import check_content as check_sms_content
from heliograph.providers.sms.settings import SecretCheck as SmsSecretCheck
from heliograph.providers.sms.settings import check_number
from heliograph.providers.webpush import WebPushProvider
from heliograph.providers.webpush.settings import check_secret as check_webpush
from heliograph.providers.webpush.settings import endpoint_rule
from heliograph.providers.webpush.subscription import SubscriptionCheck
from heliograph.providers.webpush.subscription import check_target as check_webpush_target
from heliograph.providers.wns import WnsProvider
from heliograph.providers.wns.request import check_content as check_wns_content
from heliograph.providers.wns.settings import ChannelCheck
from heliograph.providers.wns.settings import check_secret as check_wns

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from heliograph.config import Config
    from heliograph.core.applications.credential_shelf import SecretReader
    from heliograph.core.model.audience import Address
    from heliograph.core.notifications.receipts import Receipts
    from heliograph.core.ports import (
        AddressCheck,
        ChannelCarrier,
        Clock,
        CredentialCheck,
        Provider,
        ProviderPace,
        TargetCheck,
        TopicService,
    )
    from heliograph.core.right_of_way import RightOfWay

CREDENTIAL_READERS: Mapping[ProviderName, SecretReader] = {
    ProviderName.APNS: certificate_from_pem,
    ProviderName.FCM: credential_from_service_account,
}
"""How the text of a credential is read, by dialects that are given one."""

PACES: Mapping[ProviderName, Callable[[float], ProviderPace]] = {
    ProviderName.FCM: fcm_pace,
    ProviderName.SMS: sms_pace,
}
"""How fast providers want to be sent to, where they want it in a way of their own."""


def guard_of(config: Config) -> Guard:
    """Make what every URL of a stranger's goes through; raises ValueError for settings."""
    outbound, proxy = config.outbound, None
    if outbound.proxy_url is not None:
        try:
            proxy = Proxy.from_url(outbound.proxy_url.get_secret_value())
        except ValueError as error:
            # Without the cause, which may quote the password.
            raise ValueError(f"outbound.proxy_url: {error}") from None
    return Guard(outbound.allowed_networks, proxy=proxy, proxy_looks_up=outbound.proxy_looks_up)


def credential_checks(config: Config, guard: Guard) -> Mapping[ProviderName, CredentialCheck]:
    """Say what a credential has to pass before it is stored."""
    return {
        ProviderName.APNS: check_apns,
        ProviderName.FCM: FcmSecretCheck(guard, config.fcm),
        ProviderName.WEBPUSH: check_webpush,
        ProviderName.WNS: check_wns,
        ProviderName.SMS: SmsSecretCheck(guard),
    }


def address_checks(config: Config, guard: Guard) -> Mapping[ProviderName, AddressCheck]:
    """Say what has to be right of a registration, by its provider."""
    return {
        ProviderName.WEBPUSH: SubscriptionCheck(guard, endpoint_rule(config.webpush)),
        ProviderName.WNS: ChannelCheck(guard),
        ProviderName.SMS: check_number,
    }


def provider_rules(guard: Guard) -> ProviderRules:
    """Say what providers never take of a notification, whoever it is for."""
    return ProviderRules(
        contents={
            ProviderName.APNS: check_apns_content,
            ProviderName.FCM: check_fcm_content,
            ProviderName.WNS: check_wns_content,
            ProviderName.SMS: check_sms_content,
        },
        addresses={
            ProviderName.APNS: check_apns_target,
            ProviderName.FCM: check_fcm_target,
            ProviderName.WEBPUSH: check_webpush_target,
            ProviderName.WNS: _bare(ChannelCheck(guard)),
            ProviderName.SMS: _bare(check_number),
        },
    )


class Carriers:
    """The providers, made when they are first needed: a command does without."""

    def __init__(
        self, config: Config, guard: Guard, clock: Clock, way: RightOfWay | None = None
    ) -> None:
        self._config = config
        self._way = way
        self._guard = guard
        self._clock = clock
        # Filled by `make`: until then nobody asks.
        self.providers: dict[ProviderName, Provider] = {}
        self.channel_carriers: dict[ProviderName, ChannelCarrier] = {}
        self.topic_services: dict[ProviderName, TopicService] = {}

    def make(self, receipts: Receipts) -> None:
        """Make what speaks to the providers, once; raises OSError, ValueError for settings."""
        if self.providers:
            return
        config, guard, clock = self._config, self._guard, self._clock
        timeout_s = config.delivery.request_timeout_s
        dial = dial_tls if guard.proxy is None else guard.proxy.dial
        way = self._way
        apns = ApnsProvider(config.apns, clock, request_timeout_s=timeout_s, dial=dial, way=way)
        fcm = FcmProvider(config.fcm, clock, request_timeout_s=timeout_s, guard=guard, way=way)
        self.providers |= {
            ProviderName.APNS: apns,
            ProviderName.FCM: fcm,
            ProviderName.WEBPUSH: WebPushProvider(
                config.webpush, guard, clock, request_timeout_s=timeout_s, way=way
            ),
            ProviderName.WNS: WnsProvider(config.wns, guard, clock, request_timeout_s=timeout_s),
            ProviderName.SMS: SmsProvider(
                config.sms,
                guard,
                clock,
                request_timeout_s=timeout_s,
                receipts=ReceiptDesk(receipts),
            ),
        }
        self.channel_carriers[ProviderName.APNS] = apns.channels
        self.topic_services[ProviderName.FCM] = fcm.topics

    async def close(self) -> None:
        """Close every connection; what is under way is lost."""
        for provider in self.providers.values():
            await provider.close()


def _bare(check: AddressCheck) -> TargetCheck:
    """Ask of a bare address what is asked of a registration's."""

    def problem_of(address: Address) -> str | None:
        problems = check(address.token, {})
        return problems[0].expected if problems else None

    return problem_of
