"""What an SMS centre may answer a submission, and what it comes to.

Source: docs/providers/sms.md, "SMPP replies".
"""

from __future__ import annotations

from datetime import timedelta

from heliograph.core.model.outcome import Deferred, Misconfigured, Rejected, TokenGone

SECONDS = timedelta(seconds=1)

STATUSES = {
    "ESME_RTHROTTLED": Deferred("ESME_RTHROTTLED (0x58)", 3 * SECONDS, is_ours=True),
    "ESME_RMSGQFUL": Deferred("ESME_RMSGQFUL (0x14)", 30 * SECONDS, is_ours=True),
    "ESME_RSYSERR": Deferred("ESME_RSYSERR (0x08)", 10 * SECONDS),
    "ESME_RX_T_APPN": Deferred("ESME_RX_T_APPN (0x64)", 10 * SECONDS),
    "ESME_RSUBMITFAIL": Deferred("ESME_RSUBMITFAIL (0x45)", 10 * SECONDS),
    "ESME_RINVDSTADR": TokenGone("ESME_RINVDSTADR (0x0B)", is_ambiguous=True),
    "ESME_RINVDSTTON": TokenGone("ESME_RINVDSTTON (0x50)", is_ambiguous=True),
    "0x51": TokenGone("ESME_RINVDSTNPI (0x51)", is_ambiguous=True),
    "0x4A": TokenGone("status (0x4A)", is_ambiguous=True),
    "0x4B": TokenGone("status (0x4B)", is_ambiguous=True),
    "ESME_RINVSRCADR": Misconfigured("ESME_RINVSRCADR (0x0A)"),
    "ESME_RINVSRCTON": Misconfigured("ESME_RINVSRCTON (0x48)"),
    "0x49": Misconfigured("ESME_RINVSRCNPI (0x49)"),
    "ESME_RINVMSGLEN": Rejected("ESME_RINVMSGLEN (0x01)"),
    "0x02": Rejected("ESME_RINVCMDLEN (0x02)"),
    "0x43": Rejected("ESME_RINVESMCLASS (0x43)"),
    "0x61": Rejected("ESME_RINVSCHED (0x61)"),
    "0x62": Rejected("ESME_RINVEXPIRY (0x62)"),
    "0x63": Rejected("ESME_RINVDFTMSGID (0x63)"),
    "0x65": Rejected("ESME_RX_P_APPN (0x65)"),
    "ESME_RX_R_APPN": Rejected("ESME_RX_R_APPN (0x66)"),
    "0xC0": Rejected("ESME_RINVOPTPARSTREAM (0xC0)"),
    "0xC1": Rejected("ESME_ROPTPARNOTALLWD (0xC1)"),
    "0xC2": Rejected("ESME_RINVPARLEN (0xC2)"),
    "0xC3": Rejected("ESME_RMISSINGOPTPARAM (0xC3)"),
    "0xC4": Rejected("ESME_RINVOPTPARAMVAL (0xC4)"),
    "0x401": Rejected("status (0x401)"),
    "0x402": Deferred("status (0x402)", 10 * SECONDS),
    "0x403": TokenGone("status (0x403)", is_ambiguous=True),
    "0x404": Misconfigured("status (0x404)"),
    "0x405": Rejected("status (0x405)"),
    "0x777": Rejected("status (0x777)"),
}
"""By what the fake is told to answer: a name, or the number."""
