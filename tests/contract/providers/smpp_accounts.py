"""Accounts of the fake SMS centre, and a provider that uses them."""

from __future__ import annotations

from tests.contract.providers.pages import NOW

from heliograph.config import Sms
from heliograph.core.ids import new_id
from heliograph.core.model.application import ProviderCredential, SmppAccount
from heliograph.core.model.registration import Environment, ProviderName
from heliograph.outbound.guard import Guard
from heliograph.providers.sms import SmsProvider
from heliograph.simulators.sms.centre import PASSWORD, SYSTEM_ID

NUMBER = "+491701234567"
OWN = Guard(["127.0.0.0/8"])


class Sink:
    """Keeps receipts, and takes them as often as it is told to refuse."""

    def __init__(self):
        self.receipts = []
        self.refusals = 0

    async def take(self, receipt):
        self.receipts.append(receipt)
        self.refusals -= 1
        return self.refusals < 0


def provider_of(clock, sink, guard=OWN, timeout_s=5.0, **settings):
    return SmsProvider(Sms(**settings), guard, clock, request_timeout_s=timeout_s, receipts=sink)


def account_of(fakes, **rest):
    secret = SmppAccount(
        fakes.smpp.host, fakes.smpp.port, SYSTEM_ID, PASSWORD, **({"sender": "Acme"} | rest)
    )
    return ProviderCredential(
        new_id(NOW), new_id(NOW), ProviderName.SMS, Environment.PRODUCTION, secret
    )


def numbers(count):
    return [f"+4917{number:08d}" for number in range(count)]
