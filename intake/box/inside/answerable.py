"""Whether a message may be answered by a machine, and where to: never lists, other machines or nobody (RFC 3834 section 2)."""

from __future__ import annotations

import re
from email.message import Message
from email.utils import parseaddr

from intake.box.inside.mailtext import line

NO_REPLY = re.compile(r"(?:mailer-daemon|postmaster|(?:no|do-?not|nicht)[._-]?(?:reply|antworten|answer)|bounces?|"
                      r"owner|listserv|majordomo|.*-(?:request|owner|bounces?|relay)|owner-.*)(?:[+=].*)?", re.IGNORECASE)
ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})+")
SILENT = ("X-Auto-Response-Suppress", "X-Autoreply", "X-Autorespond", "X-Loop", "Feedback-ID")


def facts(message: Message) -> list[tuple[str, str, str]]:
    """One fact: `mail_answer_to` with an address, or `mail_no_answer` with the header that forbids it."""
    why = reason(message)
    if why:
        return [("mail_no_answer", why, f"header:{why}")]
    header = "Return-Path" if message["Return-Path"] is not None else "From"
    return [("mail_answer_to", _address(message, header), f"header:{header}")]


def reason(message: Message) -> str:
    """The name of the header for which no machine may answer; "" when one may."""
    if line(message.get("Auto-Submitted", "no")).partition(";")[0].strip().lower() != "no":
        return "Auto-Submitted"
    if line(message.get("Precedence", "")).lower() in {"bulk", "list", "junk", "auto_reply"}:
        return "Precedence"
    lists = next((name for name in message if name.lower().startswith("list-")), "")
    silent = next((name for name in SILENT if message[name] is not None), "")
    if lists or silent:
        return "List-Id" if lists else silent
    if message.get_content_type() in {"multipart/report", "message/delivery-status", "message/disposition-notification"}:
        return "Content-Type"
    for header in ("Return-Path", "From"):
        if message[header] is not None or header == "From":
            address = _address(message, header)
            if not ADDRESS.fullmatch(address) or NO_REPLY.fullmatch(address.partition("@")[0]):
                return header
    return ""


def _address(message: Message, header: str) -> str:
    return parseaddr(line(message.get(header, "")))[1][:320]
