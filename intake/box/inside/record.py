"""What a message's header says of its way and its kin, as facts: recipients, thread, Received chain, checks, De-Mail.

Nothing here is believed but the Authentication-Results of our own server, known by its name (authserv-id, RFC 8601).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from email.message import Message

from intake.box.inside import answerable
from intake.box.inside.mailtext import line

Found = tuple[str, str, str]
"""Name of the fact, its value, where it stands; what `vocabulary.Fact` is made of."""
MOST_HOPS, MOST_REFERENCES, LONGEST, MOST_SIGNATURES = 25, 50, 500, 5
_MESSAGE_ID = re.compile(r"<[!-;=?-~]{1,400}>")
_METHOD = re.compile(r"\b(spf|dkim|dmarc)\s*=\s*([a-z]{2,12})\b([^;]*)", re.IGNORECASE)
_DOMAIN = re.compile(r"\b(?:smtp\.mailfrom|smtp\.helo|header\.d|header\.i|header\.from)\s*=\s*\"?(?:[^\s;@\"]*@)?([\w.-]{1,253})",
                     re.IGNORECASE)
_TAG = re.compile(r"(?:^|;)\s*([a-z]+)\s*=([^;]*)")
KEY_NAME = re.compile(r"[a-z0-9_](?:[a-z0-9_.-]{0,120})\._domainkey\.[a-z0-9_](?:[a-z0-9_-]{0,62}\.?){1,10}")
_COMMENT = re.compile(r"\([^()]*\)")
DE_MAIL = re.compile(r"x-de-mail-[a-z-]{1,60}", re.IGNORECASE)


def facts(message: Message, authserv_id: str = "") -> list[Found]:
    """The record of one message; `authserv_id` is the name our own server writes ("" = no verdict on the sender is believed)."""
    found = [("mail_to", line(message["To"]), "header:To")] if message["To"] else []
    found += [(name, line(message[header]), f"header:{header}")
              for name, header in (("mail_cc", "Cc"), ("mail_reply_to", "Reply-To")) if message[header]]
    found += [("mail_in_reply_to", one, "header:In-Reply-To") for one in _ids(message, "In-Reply-To")[:5]]
    found += [("mail_references", one, "header:References") for one in _ids(message, "References")[-MOST_REFERENCES:]]
    found += [("mail_received", line(one), "header:Received") for one in (message.get_all("Received") or [])[:MOST_HOPS]]
    found += _verdicts(message, authserv_id) if authserv_id else []
    found += [("mail_dkim_key", name, "header:DKIM-Signature") for name in _keys(message)]
    found += _de_mail(message)
    found += answerable.facts(message)
    cut = ((name, value[:LONGEST], term) for name, value, term in found)
    return [one for one in cut if any(sign.isprintable() and sign != " " for sign in one[1])]


def as_json(found: list[Found]) -> list[dict[str, str]]:
    """Facts as they leave the box, each once, at most 150."""
    return [{"name": name, "value": value, "term": term} for name, value, term in dict.fromkeys(found)][:150]


def _ids(message: Message, header: str) -> list[str]:
    """The Message-IDs that a header names, each once."""
    return list(dict.fromkeys(_MESSAGE_ID.findall(str(message.get(header, ""))[:20_000])))


def _verdicts(message: Message, authserv_id: str) -> Iterator[Found]:
    """What our own server found: the topmost lines of its name only, because further down a sender may have written them."""
    told = False
    for name, value in message.items():
        if name.lower() == "received" and told:
            return
        if name.lower() != "authentication-results":
            continue
        text = line(value).lower()
        if text.partition(";")[0].split()[:1] != [authserv_id.lower()]:
            if told:
                return
            continue
        told = True
        for method, result, rest in _METHOD.findall(_COMMENT.sub("", text.partition(";")[2])):
            domain = _DOMAIN.search(rest)
            yield (f"mail_{method.lower()}", f"{result.lower()} {domain[1] if domain else ''}".strip(),
                   "header:Authentication-Results")


def _keys(message: Message) -> list[str]:
    """Where the keys of the DKIM signatures lie in the DNS, each once."""
    signatures = (message.get_all("DKIM-Signature") or [])[:MOST_SIGNATURES]
    return list(dict.fromkeys(name for name in map(key_name, map(str, signatures)) if name))


def key_name(signature: str) -> str:
    """Where the key of a DKIM signature lies in the DNS (RFC 6376, 3.6.2.1), in lower case; "" for what names none."""
    said = tags(signature)
    name = f"{said.get('s', '')}._domainkey.{said.get('d', '')}".lower()
    return name if len(name) <= 250 and KEY_NAME.fullmatch(name) else ""


def tags(text: str) -> dict[str, str]:
    """The tags of a DKIM signature or key (RFC 6376, 3.2) without their blanks; of each name the first."""
    found: dict[str, str] = {}
    for name, value in _TAG.findall(text[:20_000]):
        found.setdefault(name, re.sub(r"\s+", "", value))
    return found


def _de_mail(message: Message) -> list[Found]:
    """The X-headers of De-Mail (BSI TR-01201 part 3.4): of each name the first counts."""
    first: dict[str, str] = {}
    for name, value in message.items():
        if DE_MAIL.fullmatch(name):
            first.setdefault(name.lower(), line(value))
    return [("mail_de_mail", f"{name.removeprefix('x-de-mail-')}: {value}", "header:X-de-mail") for name, value in
            list(first.items())[:30] if value]
