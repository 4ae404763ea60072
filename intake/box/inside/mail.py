"""A message (RFC 5322) as parts: its text with the header lines on top, then every attachment, nested messages likewise.

The standard library's parser is used with its oldest, most patient policy. Nothing is dropped: what is not shown as a part
(a signature, a small picture in the text) is named at the end of the text, and the message itself is kept as it came. What
S/MIME signed is taken out and goes on as if it had not been wrapped.
"""

from __future__ import annotations

import base64
import binascii
import re
import resource
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from email.message import Message
from email.parser import BytesParser
from email.utils import getaddresses
from io import BytesIO
from typing import Any

from intake.box.inside import lean, mailpage, outlook, record, signed, sniff
from intake.box.inside.mailtext import as_text, clean, eight_bit, html_text, lenient, line, sent_at
from intake.box.inside.message import ENCRYPTED, PGP, SIGNED, Leaf, Letter
from intake.box.inside.sniff import IMAGES, MAIL, OUTLOOK, TEXT, TNEF, Kind
from intake.box.inside.unpack import Parts
from intake.errors import InputError, Reason

MAX_NESTING = 32  # multiparts in multiparts; real mail has at most six
MEMORY_FACTOR, BESIDE = 7, 128 << 20
"""Memory that parsing needs at its peak, in sizes of what is parsed (measured: 6.6), and what the program itself takes."""
LONGEST_BODY = 8 << 20
"""Bytes of a text of the message that are still laid out as pages (2,000 pages)."""
DECORATION_BYTES = 5 * 1024
DECORATION_PIXELS = 100
"""A picture inside the text is decoration (logo, icon, counting pixel) below either; it stays in the original only."""
SMIME_SIGNATURES = frozenset({"application/pkcs7-signature", "application/x-pkcs7-signature"})
SMIME_CONTENT = frozenset({"application/pkcs7-mime", "application/x-pkcs7-mime"})
_PGP_MESSAGE, _PGP_SIGNED = "-----BEGIN PGP MESSAGE-----", "-----BEGIN PGP SIGNED MESSAGE-----"
_PGP_UNCHECKED = "Signatur (PGP), nicht geprüft"


@dataclass(frozen=True, slots=True)
class Told:
    """What the service knows of the way a message came (box.results.MailOrder): see there."""

    authserv_id: str = ""
    anchors: str = ""
    received_at: str = ""

    def trust(self, message: Message) -> signed.Trust | None:
        """Whose signature the message would be believed; None where no authority is trusted."""
        if not self.anchors:
            return None
        senders = getaddresses([str(one) for one in message.get_all("From") or []])
        return signed.Trust(self.anchors, datetime.fromisoformat(self.received_at),
                            senders[0][1].lower() if len(senders) == 1 else "")


UNTOLD = Told()
_HEADER = re.compile(rb"[!-9;-~]+[ \t]*:")
_BODIES = frozenset({"text/plain", "text/html", "text/rfc822-headers", "message/rfc822-headers"})


def parse(data: lean.Buffer) -> Message:
    """The message in `data`; raises InputError when it is nested beyond all sense, or needs more memory than there is."""
    start = data.find(b"\n") + 1 if data[:5] == b"From " and b"\n" in data[:1000] else 0  # the line of an mbox
    skeleton, cuts = lean.cut(data, start)
    allowed, _ = resource.getrlimit(resource.RLIMIT_AS)
    needed = len(skeleton) * MEMORY_FACTOR + cuts.size
    if allowed != resource.RLIM_INFINITY and needed > allowed - BESIDE:
        said = f"Die Nachricht braucht {(needed + BESIDE) >> 20} MiB Arbeitsspeicher, erlaubt sind {allowed >> 20} (memory_mib)."
        raise InputError("", reason=Reason.TOO_LARGE, detail=said)
    try:
        return BytesParser(policy=lenient(cuts)).parse(BytesIO(skeleton))
    except RecursionError as error:
        raise InputError("", reason=Reason.TOO_LARGE, detail="Zu tief verschachtelt.") from error


def letter(message: Message, depth: int, max_depth: int, raw: lean.Buffer = b"", told: Told = UNTOLD) -> Letter:
    """Take a message apart; raises InputError (too_large) beyond `max_depth` messages in messages.

    `raw` is the message as it came, `told` what the service knows of the way it came.
    """
    if depth > max_depth:
        raise InputError("", reason=Reason.TOO_LARGE, detail=f"Mehr als {max_depth} Nachrichten ineinander.")
    found = Letter({name: line(message[name]) for name in ("From", "To", "Cc", "Date", "Subject", "Message-ID") if message[name]})
    found.raw, found.facts, found.trust = raw, record.facts(message, told.authserv_id), told.trust(message)
    _walk(message, found, depth, max_depth, 0)
    return found


def _walk(node: Message, into: Letter, depth: int, max_depth: int, nesting: int) -> None:
    if nesting > MAX_NESTING:
        raise InputError("", reason=Reason.TOO_LARGE, detail="Zu tief verschachtelt.")
    kind = node.get_content_type()
    children = node.get_payload() if node.is_multipart() else None
    if not isinstance(children, list):
        _leaf(node, kind, into)
    elif kind == MAIL:
        into.leaves += [letter(_unwrapped(node, child), depth + 1, max_depth, into.raw) for child in _messages(children)]
    elif kind == "message/delivery-status":
        into.text += ["\n".join(f"{name}: {line(value)}" for name, value in child.items()) for child in _messages(children)]
    elif kind == "multipart/encrypted":
        into.leaves.append(Leaf("verschlüsselt.asc", _cuts(node).whole(node.as_bytes()), PGP))
        into.facts.append(("mail_pgp", "encrypted", "pgp:message"))
    elif kind == "multipart/alternative":
        _alternative(_messages(children), into, depth, max_depth, nesting)
    else:
        for child in _messages(children):
            if kind == "multipart/signed" and child.get_content_type() in SMIME_SIGNATURES:
                _judge(child, str(node.get_boundary()), into)
            else:
                _walk(child, into, depth, max_depth, nesting + 1)


def _judge(signature: Message, boundary: str, into: Letter) -> None:
    """Note whether the signature beside a signed content (RFC 1847) is over just this content."""
    over = signed.signed_bytes(into.raw, boundary)
    _note(signed.opened(_payload(signature), over, into.trust) if over is not None else None, into)


def _note(found: signed.Opened | None, into: Letter) -> None:
    """What a signature is worth, as facts of the message and for its reader."""
    state, said = (found.state, found.said) if found else ("indeterminate", signed.UNKNOWN)
    signer = found.signer if found else ""
    into.facts.append(("mail_smime", state, "smime:signature"))
    into.facts += [("mail_smime_signer", signer[:record.LONGEST], "smime:certificate")] if signer else []
    into.remarks.append(f"{said}{f' ({signer})' if signer else ''}")


def _messages(children: list[Any]) -> list[Message]:
    return [child for child in children if isinstance(child, Message)]


def _unwrapped(node: Message, child: Message) -> Message:
    """The nested message, also where somebody encoded it as a whole in base64 (forbidden by RFC 2046, seen in the wild)."""
    encoded = child.get_payload()
    how = str(node.get("Content-Transfer-Encoding", "")).strip().lower()
    if how == "base64" and not child.keys() and isinstance(encoded, str):
        try:
            return parse(base64.b64decode(_cuts(node).whole(encoded.encode("ascii", "surrogateescape"))))
        except binascii.Error:
            return child
    return child


def _alternative(children: list[Message], into: Letter, depth: int, max_depth: int, nesting: int) -> None:
    """The same text in several forms: the plain one, unless it is only a stub of the other. What hangs on any is kept."""
    forms = []
    for child in children:
        form = Letter({})
        form.raw, form.trust = into.raw, into.trust
        _walk(child, form, depth, max_depth, nesting + 1)
        into.leaves += form.leaves
        into.remarks += form.remarks
        into.facts += form.facts
        if any(text.strip() for text in form.text):
            forms.append((child.get_content_type() != TEXT, "\n\n".join(form.text), "\n".join(form.html.values())))
    forms.sort(key=lambda form: form[0])
    if forms:
        first, longest = forms[0][1], max((text for _, text, _ in forms), key=len)
        html = next((html for _, _, html in reversed(forms) if html), "")
        into.html |= {len(into.text): html} if html else {}
        into.text.append(longest if len(longest) > 200 and len(first) * 4 < len(longest) else first)


def _leaf(node: Message, kind: str, into: Letter) -> None:
    name, data = _name(node), _payload(node)
    disposition = node.get_content_disposition()
    if kind in SMIME_SIGNATURES:
        into.remarks.append(f"Signatur, nicht geprüft: {name or kind}")
    elif kind == "application/pgp-signature":
        into.remarks.append(_PGP_UNCHECKED)
        into.facts.append(("mail_pgp", "indeterminate", "pgp:signature"))
    elif kind in SMIME_CONTENT:
        readable = signed.is_signed(data) or str(node.get_param("smime-type", "")).lower() == "signed-data"
        into.leaves.append(Leaf(name or "smime.p7m", data, SIGNED if readable else ENCRYPTED))
    elif kind in _BODIES and not name and disposition != "attachment" and len(data) > LONGEST_BODY:
        into.remarks.append(f"Der Text ist {len(data) >> 20} MiB lang und liegt als Datei bei")
        into.leaves.append(Leaf("Nachrichtentext.txt", data, Kind(TEXT, Reason.TOO_LARGE, "Der Text der Nachricht ist zu lang.")))
    elif kind in _BODIES and not name and disposition != "attachment":
        _body(as_text(data, _charset(node)), kind == "text/html", into)
    elif data or name:
        cid = str(node.get("Content-ID", "")).strip().strip("<>")
        into.leaves.append(Leaf(name or _unnamed(kind), data, inline=disposition == "inline" or "Content-ID" in node, cid=cid))


def _body(text: str, is_html: bool, into: Letter) -> None:
    """One text of the letter; what PGP encrypted is none, but something that cannot be read."""
    plain = clean(html_text(text) if is_html else text).strip("\n")
    if plain.lstrip().startswith(_PGP_MESSAGE):
        into.leaves.append(Leaf("verschlüsselt.asc", plain.encode(), PGP))
        into.facts.append(("mail_pgp", "encrypted", "pgp:message"))
        return
    if _PGP_SIGNED in plain:
        into.remarks.append(_PGP_UNCHECKED)
        into.facts.append(("mail_pgp", "indeterminate", "pgp:signature"))
    into.html |= {len(into.text): text} if is_html else {}
    into.text.append(plain)


def _unnamed(kind: str) -> str:
    known = {"application/pdf": "pdf", "image/jpeg": "jpg", "image/png": "png", "image/tiff": "tif", "text/html": "html",
             "text/calendar": "ics", "message/rfc822": "eml"}
    return f"Anlage.{known.get(kind, 'dat')}"


def _charset(node: Message) -> str | None:
    found = node.get_param("charset")
    return str(found[2] if isinstance(found, tuple) else found).strip("\"' ")[:40] if found else None


def _name(node: Message) -> str:
    """The attachment's name (RFC 2231, RFC 2047, raw bytes), for showing only; "" when it has none."""
    try:
        found = node.get_filename("")
    except (ValueError, TypeError, LookupError):
        return ""
    return line(eight_bit(found))[:500]


def _cuts(node: Message) -> lean.Cuts:
    found: lean.Cuts = getattr(node.policy, "cuts", lean.Cuts())
    return found


def _payload(node: Message) -> bytes:
    cuts, text = _cuts(node), node.get_payload()
    if isinstance(text, str) and cuts.inside(text):
        how = str(node.get("Content-Transfer-Encoding", "")).strip().lower()
        found = cuts.decoded(text) if how == "base64" else None
        if found is not None:
            return found
        node.set_payload(cuts.whole(text.encode("ascii", "surrogateescape")).decode("ascii", "surrogateescape"))
    try:
        data = node.get_payload(decode=True)
    except (ValueError, binascii.Error, LookupError):
        data = None
    raw = node.get_payload()
    if isinstance(data, bytes) and (data or not isinstance(raw, str)):
        return data
    return raw.strip().encode("utf-8", "surrogateescape") if isinstance(raw, str) else b""  # not decodable: as it came


def is_decoration(leaf: Leaf) -> bool:
    """True for a small picture inside the text, see DECORATION_BYTES; one that cannot be opened is not small."""
    if not leaf.inline or sniff.sniff(leaf.data[:sniff.HEAD], b"", leaf.name).media_type not in IMAGES | {"image/gif"}:
        return False
    if len(leaf.data) < DECORATION_BYTES:
        return True
    from PIL import Image  # noqa: PLC0415
    try:
        with Image.open(BytesIO(leaf.data), formats=("PNG", "JPEG", "GIF", "WEBP")) as image:
            return min(image.size) < DECORATION_PIXELS
    except (OSError, SyntaxError, ValueError):
        return False


def head_lines(found: Letter, attached: list[str]) -> list[str]:
    """Von, An, Kopie, Datum, Betreff, Anlagen, as far as they are known."""
    headers = found.headers
    sent = sent_at(headers.get("Date", ""))
    top = {"Von": headers.get("From"), "An": headers.get("To"), "Kopie": headers.get("Cc"),
           "Datum": f"{sent:%d.%m.%Y %H:%M %z}" if sent else headers.get("Date"), "Betreff": headers.get("Subject"),
           "Anlagen": ", ".join(attached)}
    return [f"{name}: {value}" for name, value in top.items() if value]


def page_text(found: Letter, attached: list[str]) -> str:
    """The message as a person would print it: the head, then the text and the remarks."""
    remarks = [f"[{remark}]" for remark in found.remarks]
    return "\n\n".join(block for block in ("\n".join(head_lines(found, attached)), *found.text, "\n".join(remarks))
                       if block.strip()) + "\n"


def lay_out(found: Letter, parts: Parts, parent: int | None, depth: int) -> None:
    """Write the letter and all that hangs on it into `parts`."""
    position = parts.reserve(parent, "Nachricht.txt")
    kept: list[tuple[Leaf, Leaf | Letter]] = []
    pictures = {leaf.cid: leaf.data for leaf in found.leaves if isinstance(leaf, Leaf) and leaf.cid}
    for leaf, inner in _unwrapped_leaves(found, depth, parts.limits.max_depth):
        if isinstance(inner, Leaf) and is_decoration(inner):
            found.remarks.append(f"Bild im Text, nur im Original: {inner.name}, {len(inner.data) / 1024:.1f} kB")
        else:
            kept.append((leaf, inner))
    names = [inner.name if isinstance(inner, Leaf) else inner.headers.get("Subject", leaf.name or "Nachricht")
             for leaf, inner in kept]
    drawn = mailpage.pdf_of(found, head_lines(found, names), pictures, parts.file(position), parts.drawing)
    if not (drawn and parts.fill_pdf(position)):
        parts.fill_text(position, page_text(found, names))
    parts.found[position]["facts"] = record.as_json(found.facts)
    for _, inner in kept:
        if isinstance(inner, Letter):
            lay_out(inner, parts, position, depth + 1)
        else:
            parts.add(position, inner.name, inner.data, inner.kind, check=True)


def _unwrapped_leaves(found: Letter, depth: int, max_depth: int) -> Iterator[tuple[Leaf, Leaf | Letter]]:
    """Everything that hangs on a letter, letters among it opened; what winmail.dat holds hangs on the letter itself."""
    for leaf in list(found.leaves):
        if isinstance(leaf, Letter):
            yield Leaf("", b""), leaf
            continue
        if leaf.kind is ENCRYPTED:
            found.facts.append(("mail_smime", "encrypted", "smime:content"))
        if leaf.kind is SIGNED:
            yield from _unsigned(leaf, found, depth, max_depth)
            continue
        inner = opened(leaf.name, leaf.data, leaf.kind, depth, max_depth)
        if isinstance(inner, Letter) and sniff.sniff(leaf.data[:sniff.HEAD], b"", leaf.name).media_type == TNEF:
            found.remarks.append(f"{leaf.name}: {len(inner.leaves)} Dateien entnommen")
            if len("".join(inner.text).split()) > len("".join(found.text).split()):
                found.text.extend(inner.text)
            for one in inner.leaves:
                yield (Leaf("", b""), one) if isinstance(one, Letter) else (one, one)
        elif isinstance(inner, Letter):
            yield leaf, inner
        else:
            yield leaf, Leaf(leaf.name, leaf.data, inner, leaf.inline)


def _unsigned(leaf: Leaf, found: Letter, depth: int, max_depth: int) -> Iterator[tuple[Leaf, Leaf | Letter]]:
    """What lies in a smime.p7m: a content that belongs to the letter itself, a file, or something that cannot be opened."""
    if signed.is_clear(leaf.data):
        inside = leaf.data
    else:
        structure = signed.opened(leaf.data, trust=found.trust)
        if structure is None or structure.content is None:
            yield leaf, leaf
            return
        _note(structure, found)
        inside = structure.content
    if not _HEADER.match(inside[:1000].lstrip()):
        yield leaf, Leaf(leaf.name.removesuffix(".p7m") or "Anlage.dat", inside)
        return
    if depth >= max_depth:
        raise InputError("", reason=Reason.TOO_LARGE, detail=f"Mehr als {max_depth} Nachrichten ineinander.")
    message = parse(inside.lstrip())
    wrapped = letter(message, depth + 1, max_depth, inside)
    if wrapped.headers.get("From"):  # a message of its own (RFC 8551, 3.1)
        yield leaf, wrapped
        return
    found.html |= {len(found.text) + index: html for index, html in wrapped.html.items()}
    found.text += wrapped.text
    found.facts += wrapped.facts
    opened_inside = list(_unwrapped_leaves(wrapped, depth + 1, max_depth))
    found.remarks += wrapped.remarks
    yield from opened_inside


def opened(name: str, data: bytes, kind: Kind | None, depth: int, max_depth: int) -> Letter | Kind | None:
    """The letter in some bytes; else what is already known of their kind (None = nothing, to be sniffed).

    A letter that cannot be read is a kind with its reason: the rest goes on. Raises InputError beyond `max_depth`.
    """
    if kind is not None:
        return kind
    if data[:200].lstrip().startswith(_PGP_MESSAGE.encode()):
        return PGP
    found = sniff.sniff(data[:sniff.HEAD], data[-sniff.TAIL:], name).media_type
    outlook_file = found == "application/x-ole-storage" and outlook.is_message(data)
    if found not in (MAIL, TNEF) and not outlook_file:
        return None
    if depth >= max_depth:
        raise InputError("", reason=Reason.TOO_LARGE, detail=f"Mehr als {max_depth} Nachrichten ineinander.")
    try:
        if found == MAIL:
            return letter(parse(data), depth + 1, max_depth, data)
        return outlook.of_tnef(data) if found == TNEF else outlook.of_msg(data)
    except InputError as error:
        if error.reason is Reason.TOO_LARGE:
            raise
        return Kind(OUTLOOK if outlook_file else found, error.reason, error.detail)


def unpack(data: lean.Buffer, parts: Parts, media_type: str = MAIL, told: Told = UNTOLD) -> dict[str, Any]:
    """Fill `parts` with the letter in `data`; returns the envelope.

    Raises InputError when all of it is encrypted, or when taking it apart would need more memory than there is.
    """
    if media_type == MAIL:
        found = letter(parse(data), 0, parts.limits.max_depth, data, told)
    else:
        found = outlook.of_tnef(bytes(data)) if media_type == TNEF else outlook.of_msg(bytes(data))
    lay_out(found, parts, None, 0)
    locked = any(part["problem"] == Reason.ENCRYPTED for part in parts.found)
    if locked and not any(text.strip() for text in found.text) and sum(part["pages"] > 0 for part in parts.found) == 1:
        raise InputError("", reason=Reason.ENCRYPTED, detail=ENCRYPTED.detail)
    sent = sent_at(found.headers.get("Date", ""))
    return {"sender": found.headers.get("From"), "recipient": found.headers.get("To"), "subject": found.headers.get("Subject"),
            "date": sent.isoformat() if sent else None, "message_id": found.headers.get("Message-ID")}
