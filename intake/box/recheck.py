"""What comes out of the box is not trusted: numbers and texts are re-checked against the vocabulary, files before adoption."""

from __future__ import annotations

import re
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, TypeVar, cast

from annotated_types import Ge
from pydantic import TypeAdapter, ValidationError

from intake.box.results import PdfaLevel
from intake.errors import BoxDied, Reason
from intake.vocabulary import Envelope, Fact, Page

MAX_JSON = 256 << 20
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,80}")
_ESCAPED = re.compile(rb"(?<!\\)((?:\\\\)*)\\(?:u00(?:[01][0-9a-fA-F]|7[fF]|[89][0-9a-fA-F])|[bfr])")
_HIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
MAX_FACTS = 200
_TERM = re.compile(r"(ubl|cii|zf1):B[TG]-\d{1,3}|header:[A-Za-z0-9-]{1,60}|sidecar:[\w ./@+-]{1,200}|"
                   r"xjustiz:[\w./@-]{1,120}|(smime|pgp|dkim):[a-z-]{1,20}")
_DAY, _AMOUNT, _TEXT = re.compile(r"\d{4}-\d{2}-\d{2}"), re.compile(r"-?\d{1,15}(\.\d{1,6})?"), re.compile(r".{1,500}")
_CODE = re.compile(r"[A-Za-z0-9]{1,40}")
_RATE = re.compile(r"-?\d{1,3}(\.\d{1,4})?:-?\d{1,15}(\.\d{1,6})?:-?\d{1,15}(\.\d{1,6})?")
_ID, _VERDICT = re.compile(r"<\S{1,400}>"), re.compile(r"[a-z]{2,12}( [\w.-]{1,253})?")
_STATE = re.compile(r"valid|invalid|indeterminate|encrypted")
_OWN = re.compile(r"(valid|invalid|indeterminate) [a-z0-9_.-]{1,250}")
_KEY = re.compile(r"[a-z0-9_][a-z0-9_.-]{0,120}\._domainkey\.[a-z0-9_][a-z0-9_.-]{0,200}")
FACTS = {
    "invoice_number": _TEXT, "invoice_type": _CODE, "invoice_date": _DAY, "due_date": _DAY, "delivery_date": _DAY,
    "currency": _CODE, "leitweg_id": _TEXT, "buyer_reference": _TEXT, "order_reference": _TEXT, "contract_reference": _TEXT,
    "payment_reference": _TEXT, "seller_name": _TEXT, "seller_address": _TEXT, "seller_vat": _CODE, "seller_tax": _TEXT,
    "buyer_name": _TEXT, "buyer_address": _TEXT, "iban": _CODE, "bic": _CODE, "net_total": _AMOUNT,
    "tax_total": _AMOUNT, "gross_total": _AMOUNT,
    "prepaid_total": _AMOUNT, "payable_total": _AMOUNT, "tax_rate": _RATE,
    "mail_to": _TEXT, "mail_cc": _TEXT, "mail_reply_to": _TEXT, "mail_in_reply_to": _ID, "mail_references": _ID,
    "mail_received": _TEXT, "mail_spf": _VERDICT, "mail_dkim": _VERDICT, "mail_dmarc": _VERDICT, "mail_de_mail": _TEXT,
    "sidecar": _TEXT, "xjustiz_own_reference": _TEXT, "xjustiz_sender_reference": _TEXT, "xjustiz_sender": _TEXT,
    "xjustiz_recipient": _TEXT, "xjustiz_created": _DAY, "xjustiz_title": _TEXT, "xjustiz_version": _TEXT,
    "mail_answer_to": re.compile(r"[!-?A-~]{1,64}@[A-Za-z0-9.-]{1,253}"), "mail_no_answer": _TEXT,
    "mail_smime": _STATE, "mail_smime_signer": _TEXT, "mail_pgp": _STATE, "mail_dkim_own": _OWN, "mail_dkim_key": _KEY,
}
"""The fields a file may state as data and the form of their values. `tax_rate` is "rate:net:tax"; "mail_..." is the record
of a message."""
T = TypeVar("T")
Count = Annotated[int, Ge(0)]


@dataclass(frozen=True, slots=True)
class RawEnding:
    """ending.json: a reason code when the input was refused."""

    reason: Reason | None
    detail: str
    cpu_seconds: Annotated[float, Ge(0.0)]


@dataclass(frozen=True, slots=True)
class RawPart:
    """A part as the child describes it; `file` names a file in its output, None = the input itself."""

    position: Count
    parent: Count | None
    name: str
    media_type: str
    pages: Count
    file: str | None = None
    problem: Reason | None = None
    detail: str = ""
    facts: tuple[Fact, ...] = ()


@dataclass(frozen=True, slots=True)
class RawUnpacked:
    """result.json of `unpack`."""

    envelope: Envelope
    parts: tuple[RawPart, ...]


@dataclass(frozen=True, slots=True)
class RawVerdict:
    """What was found of one DKIM signature, by the name of its key."""

    name: str
    state: str
    why: str


@dataclass(frozen=True, slots=True)
class RawVerdicts:
    """result.json of `dkimcheck`."""

    verdicts: tuple[RawVerdict, ...]


@dataclass(frozen=True, slots=True)
class RawIndex:
    """result.json of `batchindex`: the entries as (name, value)."""

    entries: tuple[tuple[tuple[str, str], ...], ...]


@dataclass(frozen=True, slots=True)
class RawOffice:
    """result.json of `office`: a file name in the output and how many pages it has."""

    pdf: str
    pages: Annotated[int, Ge(1)]


@dataclass(frozen=True, slots=True)
class RawRead:
    """result.json of `read`; the previews are file names in the output."""

    pages: tuple[Page, ...]
    previews: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RawOpened:
    """result.json of `open`."""

    envelope: Envelope
    parts: tuple[RawPart, ...]
    read: RawRead | None = None


@dataclass(frozen=True, slots=True)
class RawPicture:
    """result.json of `picture`: a file name in the output."""

    picture: str


@dataclass(frozen=True, slots=True)
class RawRendition:
    """result.json of `rendition`; `wants_processes`: with leave to start Ghostscript it might become PDF/A."""

    pdf: str
    pdfa: PdfaLevel
    reason: str = ""
    wants_processes: bool = False


@dataclass(frozen=True, slots=True)
class RawAnswer:
    """result.json of `answer`."""

    accepted: bool | None
    reference: str
    sentence: str


def nonsense(what: str) -> BoxDied:
    """The error for an answer that cannot be right: the child is broken or was taken over."""
    return BoxDied("Der Lesekasten hat eine unbrauchbare Antwort gegeben. Es wird noch einmal versucht.",
                   reason=Reason.CRASHED, detail=what)


def display(text: str, longest: int = 500) -> str:
    """A sender's text fit for showing and logging by id: no control or direction characters, one line, not endless."""
    return re.sub(r"\s+", " ", _HIDDEN.sub("", re.sub(r"\s", " ", text))).strip()[:longest].rstrip()


def facts(found: Sequence[Fact]) -> tuple[Fact, ...]:
    """What a file states as data, each of a field we know and in its plain form; raises BoxDied for anything else."""
    if len(found) > MAX_FACTS:
        raise nonsense("zu viele Angaben")
    checked = []
    for fact in found:
        form = FACTS.get(fact.name)
        value = display(fact.value, 500)
        if form is None or not form.fullmatch(value) or not _TERM.fullmatch(fact.term):
            raise nonsense(f"unzulässige Angabe {display(fact.name, 40)}")
        checked.append(Fact(fact.name, value, fact.term))
    return tuple(checked)


@lru_cache(maxsize=16)
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def load(path: Path, kind: type[T]) -> T:
    """The JSON file `path` as a `kind`, control characters taken out of every text (newline and tab stay).

    Raises BoxDied when the file is none, is too big or does not fit the type.
    """
    adapter = _adapter(cast("Any", kind))
    raw = regular(path).read_bytes() if regular(path).stat().st_size <= MAX_JSON else b""
    try:
        checked: T = adapter.validate_json(_ESCAPED.sub(rb"\1 ", raw).replace(b"\x7f", b" "))
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        raise nonsense(f"{path.name}: {'.'.join(str(step) for step in first['loc'])}: {first['msg']}") from None
    return checked


def regular(path: Path) -> Path:
    """`path` itself when it is a regular file of a single name; raises BoxDied for links, devices, folders."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        raise nonsense(f"{path.name} fehlt") from None
    if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1:
        raise nonsense(f"{path.name} ist keine gewöhnliche Datei")
    return path


def adopt(out: Path, name: str) -> Path:
    """The file `name` that the child says it wrote to `out`, after the checks; raises BoxDied."""
    if not _NAME.fullmatch(name):
        raise nonsense("unzulässiger Dateiname")
    return regular(out / name)
