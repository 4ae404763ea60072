"""Outlook's own containers as letters: .msg files (MS-OXMSG) and winmail.dat (MS-OXTNEF), with everything that hangs on them.

python-oxmsg and tnefparse know the formats; here their values become the same `Letter` that a message of the internet is.
"""

from __future__ import annotations

import struct
from io import BytesIO
from typing import Any

from intake.box.inside import signed
from intake.box.inside.mailtext import as_text, clean, html_text, line
from intake.box.inside.message import ENCRYPTED, SIGNED, Leaf, Letter
from intake.box.inside.sniff import Kind
from intake.errors import InputError, Reason

PROPERTIES = "__properties_version1.0".encode("utf-16-le")
"""The name of a stream that every .msg file has (UTF-16, as its directory holds it), MS-OXMSG 2.4."""
NESTED_HEADER = 24
"""Bytes before the properties of a message inside a message (MS-OXMSG 2.4.1.2); 32 at the top."""
RTF, EMBEDDED, CONTENT_ID, HIDDEN, SHORT_NAME, DISPLAY_NAME = 0x1009, 0x3701, 0x3712, 0x7FFE, 0x3704, 0x3001
MESSAGE_ID, DISPLAY_TO, DISPLAY_CC = 0x1035, 0x0E04, 0x0E03
BROKEN = (OSError, ValueError, TypeError, KeyError, IndexError, AttributeError, AssertionError, struct.error, OverflowError,
          NotImplementedError, EOFError, UnboundLocalError)
"""What the two libraries raise for files that are not as they should be."""
MAX_DEPTH = 8
_PASTED = Kind("application/x-ole-storage", Reason.UNKNOWN_TYPE,
               "Ein in den Text eingefügtes Objekt, das nur Outlook zeigen kann. Bitten Sie um eine PDF-Datei.")


def is_message(data: bytes) -> bool:
    """Whether an OLE file is an Outlook message."""
    return PROPERTIES in data


def of_msg(data: bytes) -> Letter:
    """The letter of a .msg file; raises InputError (damaged) when it cannot be read."""
    from oxmsg import Message  # noqa: PLC0415
    try:
        return _message(Message.load(BytesIO(data)), 0)
    except RecursionError as error:
        raise InputError("", reason=Reason.TOO_LARGE, detail="Zu tief verschachtelt.") from error
    except BROKEN as error:
        told = f"Die Outlook-Nachricht ist beschädigt ({type(error).__name__})."
        raise InputError("", reason=Reason.DAMAGED, detail=told) from error


def _message(message: Any, depth: int) -> Letter:
    if depth > MAX_DEPTH:
        raise InputError("", reason=Reason.TOO_LARGE, detail=f"Mehr als {MAX_DEPTH} Nachrichten ineinander.")
    properties, headers = message.properties, message.message_headers
    told = {name.lower(): value for name, value in headers.items()}
    sent = message.sent_date
    found = Letter({name: line(value) for name, value in {
        "From": told.get("from") or message.sender or "", "To": told.get("to") or properties.str_prop_value(DISPLAY_TO) or "",
        "Cc": told.get("cc") or properties.str_prop_value(DISPLAY_CC) or "",
        "Date": told.get("date") or (sent.strftime("%a, %d %b %Y %H:%M:%S +0000") if sent else ""),
        "Subject": message.subject or told.get("subject", ""),
        "Message-ID": told.get("message-id") or properties.str_prop_value(MESSAGE_ID) or ""}.items() if value})
    text = message.body or ""
    if not text.strip():
        text = html_text(message.html_body or "") or _rtf_text(properties.binary_prop_value(RTF) or b"")
    found.text.append(clean(text).strip("\n"))
    found.html |= {0: message.html_body} if message.html_body else {}
    for attachment in message.attachments:
        found.leaves.append(_attachment(attachment, depth))
    return found


def _attachment(attachment: Any, depth: int) -> Leaf | Letter:
    from oxmsg import Message  # noqa: PLC0415
    from oxmsg.properties import Properties  # noqa: PLC0415
    inner = next((storage for storage in attachment._storage.storages if storage.path.upper().endswith("3701000D")), None)
    properties = attachment.properties
    name = (attachment.file_name or properties.str_prop_value(SHORT_NAME) or properties.str_prop_value(DISPLAY_NAME) or "")
    if inner is not None and any(stream.path.lower().endswith("__properties_version1.0") for stream in inner.streams):
        message = Message(inner)
        message.__dict__["_properties"] = Properties(inner, properties_header_offset=NESTED_HEADER)
        return _message(message, depth + 1)
    data = attachment.file_bytes or b""
    if attachment.mime_type == "application/pkcs7-mime" or name.lower() == "smime.p7m":
        return Leaf(line(name) or "smime.p7m", data, SIGNED if signed.is_signed(data) else ENCRYPTED)
    cid = (properties.str_prop_value(CONTENT_ID) or "").strip("<>")
    hidden = bool(cid) or bool(properties.int_prop_value(HIDDEN) or 0)
    if not data and inner is not None:  # an OLE object pasted into the text: kept in the original, said aloud
        return Leaf(line(name) or "Objekt", b"", _PASTED)
    return Leaf(line(name)[:500] or f"Anlage.{_ending(attachment.mime_type or '')}", data, inline=hidden, cid=cid)


def _ending(media_type: str) -> str:
    known = {"message/delivery-status": "txt", "text/rfc822-headers": "txt", "text/plain": "txt", "image/png": "png",
             "image/jpeg": "jpg", "application/pdf": "pdf"}
    return known.get(media_type, "dat")


def of_tnef(data: bytes) -> Letter:
    """What winmail.dat holds: the text where it is richer than the message's own, and the attachments.

    Raises InputError (damaged) when it cannot be read or holds nothing at all.
    """
    import warnings  # noqa: PLC0415

    from tnefparse import TNEF  # type: ignore[import-untyped]  # noqa: PLC0415
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            container = TNEF(data, do_checksum=False)
            found = Letter({})
            for text in (_plain(container.body), html_text(_plain(container.htmlbody)), _rtf_of(container)):
                if text.strip():
                    found.text.append(clean(text).strip("\n"))
                    break
            for attachment in container.attachments:
                name = line(attachment.long_filename() or attachment.name or "Anlage.dat")[:500]
                found.leaves.append(Leaf(name, bytes(attachment.data or b"")))
    except BROKEN as error:
        raise InputError("", reason=Reason.DAMAGED, detail=f"winmail.dat ist beschädigt ({type(error).__name__}).") from error
    if not found.leaves and not found.text:
        found.remarks.append("winmail.dat ohne Inhalt")
    return found


def _plain(body: Any) -> str:
    return body if isinstance(body, str) else as_text(body, None) if isinstance(body, bytes) else ""


def _rtf_of(container: Any) -> str:
    rtf = container.rtfbody
    return _stripped(rtf) if isinstance(rtf, bytes) and rtf else ""


def _rtf_text(packed: bytes) -> str:
    """Outlook's compressed RTF (MS-OXRTFCP) as plain text; "" when there is none."""
    if not packed:
        return ""
    from compressed_rtf import decompress  # type: ignore[import-untyped]  # noqa: PLC0415
    return _stripped(decompress(packed))


def rtf_text(rtf: bytes) -> str:
    """The text of an RTF file; raises InputError (damaged) when it has no beginning of one that can be followed."""
    try:
        return _stripped(rtf)
    except BROKEN as error:
        told = f"Die RTF-Datei ist beschädigt ({type(error).__name__})."
        raise InputError("", reason=Reason.DAMAGED, detail=told) from error


def _stripped(rtf: bytes) -> str:
    from striprtf.striprtf import rtf_to_text  # noqa: PLC0415
    return str(rtf_to_text(rtf.decode("latin-1"), errors="ignore"))  # type: ignore[no-untyped-call]
