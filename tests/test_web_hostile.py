"""Whatever a sender calls things is shown as text, in every view: hostile names and texts become no element, no attribute,
no header. The same names go through a browser in tests/browser (0 dialogs, 0 reports of the content security policy)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

from intake import review
from intake.db.core import new_id, utcnow
from intake.db.deliveries import add_delivery, add_parts, move_delivery
from intake.db.problems import open_problem
from intake.db.tokens import new_token
from intake.vocabulary import Blob, Delivery, DeliveryState, Envelope, Evidence, Part, Problem, Proposal
from intake.web.rules import Anyone
from tests.conftest import SHARED_DATA
from tests.desk_help import put_stack
from tests.test_web_rules import routes, rule_of
from tests.web_help import TOWN, WebSite, web_site

NAMES = (
    "..", "../x.pdf", "..\\x.pdf", "/etc/passwd", "C:\\x.pdf", "a/b.pdf", "nul.pdf", "x" * 300, "x\r\nSet-Cookie: a=b.pdf",
    "<script>alert(1)</script>.pdf", '"><img src=x onerror=alert(1)>.pdf', "' onmouseover='alert(1).pdf", "javascript:alert(1)",
    "\u202efdp.exe", "a\u0000b.pdf", "{{7*7}}.pdf", "${7*7}.pdf", "%00.pdf", "&lt;b&gt;.pdf", "<svg/onload=alert(1)>",
    "</title><script>alert(1)</script>", "-->.pdf", "]]>.pdf", "=cmd|'/c calc'!A1", " .pdf", "\ud800.pdf", "ﬁ\u0301.pdf")
TEXTS = (
    "<script>alert(document.domain)</script>", '"><script src=//example.org></script>', "<img src=x onerror=alert(1)>",
    "<a href='javascript:alert(1)'>x</a>", "'-alert(1)-'", "</textarea><script>alert(1)</script>", "{{config}}", "{% raw %}",
    "<iframe srcdoc='<script>alert(1)</script>'>", "<meta http-equiv=refresh content=0;url=//example.org>",
    "+ADw-script+AD4-alert(1)+ADw-/script+AD4-", "<form action=//example.org><button>x")
FIELDS = ("title", "sender_name", "kind", "subject", "foreign_reference", "warning")


def hostile() -> tuple[str, ...]:
    """The shared list where it is there, and always our own."""
    shared = SHARED_DATA / "bad_inputs" / "names.jsonl"
    lines = shared.read_text(encoding="utf-8").splitlines() if shared.is_file() else []
    return (*NAMES, *(json.loads(line)["filename"] for line in lines), *TEXTS)


class Seen(HTMLParser):
    """What a browser would make of a page: its elements and attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.wrong: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        address = given.get("src", given.get("href", given.get("action", given.get("formaction", ""))))
        if tag in ("iframe", "object", "embed", "base") or (tag == "meta" and "http-equiv" in given):
            self.wrong.append(f"<{tag}>")
        if tag == "script" and not address.startswith("/static/"):
            self.wrong.append("a script that is not ours")
        if any(name.startswith("on") or name in ("style", "srcdoc", "hx-on", "hx-vals") for name in given):
            self.wrong.append(f"<{tag} {' '.join(given)}>")
        if address and not (address.startswith(("/", "#", "otpauth:", "data:image/")) and not address.startswith("//")):
            self.wrong.append(f"<{tag} address {address[:40]}>")


def wrong_in(text: str) -> list[str]:
    seen = Seen()
    seen.feed(text)
    return seen.wrong


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebSite]:
    made = web_site(tmp_path_factory.mktemp("hostile") / "home")
    yield made
    made.db.close()


@pytest.fixture(scope="module")
def ids(site: WebSite) -> dict[str, list[str]]:
    """For each name a delivery that bears it and a problem that says it; the documents have six names each, one a field."""
    found: dict[str, list[str]] = {"delivery": [], "document": [], "problem": []}
    names, bytes_ = hostile(), site.blobs.add_bytes(b"%PDF-1.7", "x", "application/pdf")
    with site.db.transaction() as tx:
        for name in names:
            loose = Delivery(new_id(), TOWN, f"key/{new_id()}", "folder", "scanner", utcnow(), Blob(
                bytes_.sha256, "application/pdf", name, bytes_.size), batch=name[:100], envelope=Envelope(name, name, name))
            add_delivery(tx, loose)
            add_parts(tx, loose.id, TOWN, [Part(loose.id, 0, None, loose.original, 1, "damaged", name)])
            move_delivery(tx, loose, DeliveryState.CLARIFY)
            found["delivery"].append(loose.id)
            found["problem"].append(open_problem(tx, Problem(
                new_id(), TOWN, "delivery", loose.id, "open", "damaged", name, name, ("retry", "reject"), utcnow())))
            new_token(tx, TOWN, (name.strip() or "x")[:80], "scanner", name[:100])
    for first in range(0, len(names), len(FIELDS)):
        said = dict(zip(FIELDS, names[first:], strict=False))
        wanted = [Proposal(field, text, 0.6, (Evidence("rule:test@1", 1, None, text),), raw=text) for field, text in said.items()]
        (document,) = put_stack(site.db, site.blobs, [1], [[*wanted, Proposal(
            "entry", "ap-0445", 0.9, (Evidence("model:filing@1", 0, None, names[first]),))]])
        with site.db.transaction() as tx:
            review.correct(tx, document, 2, "kms", "title", " ".join(said["title"].split()) or "x")
        found["document"].append(document)
    return found


def test_every_view_of_every_name_is_text(site: WebSite, ids: dict[str, list[str]]) -> None:
    """All pages that anybody can get, with the ids of what carries the names."""
    browser, wrong, looked = site.as_("alles"), [], 0
    for route in routes(site):
        if "GET" not in (route.methods or ()) or isinstance(rule_of(route), Anyone) or route.path.startswith("/api/"):
            continue
        if route.path.endswith("/ereignisse"):
            continue
        names = [name for name in route.param_convertors]
        kinds = ["problem"] if route.path.startswith("/klaerung/") else ["delivery"] if "protokoll" in route.path or \
            "sendungen" in route.path else ["document"]
        for place in range(len(ids[kinds[0]]) if names else 1):
            values = {name: "1" if name in ("number", "page") else "0" if name in ("part", "position") else ids[kinds[0]][place]
                      for name in names}
            address = route.path
            for name, value in values.items():
                address = address.replace("{" + name + "}", value)
            answer = browser.get(address, headers={"Accept": "text/html"})
            assert answer.status_code < 500, (address, answer.text[:300])
            looked += answer.status_code == 200
            if answer.headers.get("content-type", "").startswith("text/html"):
                wrong += [(address, one) for one in wrong_in(answer.text)]
            for header, value in answer.headers.items():
                if any(ord(char) < 32 for char in value) or header.lower() == "set-cookie":
                    wrong.append((address, header))
            if len(wrong) > 5:
                break
    assert wrong == [] and looked > 2 * len(hostile())


def test_the_names_are_there_to_be_read(site: WebSite, ids: dict[str, list[str]]) -> None:
    """Escaped is not left out: the list shows the script's text."""
    shown = site.as_("alles").look("/posteingang?filter=klaerung")
    assert "&lt;script&gt;alert(1)&lt;/script&gt;.pdf" in shown and "<script>alert(1)" not in shown


def test_what_is_typed_comes_back_as_text(site: WebSite) -> None:
    """Search words, filters, addresses to come back to, file names of uploads."""
    browser = site.as_("alles")
    for text in (*TEXTS, *NAMES[8:14]):
        plain = text.encode("utf-8", "replace").decode()
        for address in ("/posteingang", "/protokoll", "/akten", "/pruefen"):
            answer = browser.get(address, params={"quelle": plain, "nummer": plain, "q": plain, "suche": plain, "vor": plain},
                                 headers={"Accept": "text/html"})
            assert answer.status_code < 500 and wrong_in(answer.text) == [], (address, text)
        nobody = site.browser().get("/anmelden", params={"weiter": plain}, headers={"Accept": "text/html"})
        assert wrong_in(nobody.text) == []


def test_the_pages_of_the_test_itself_would_be_found() -> None:
    """The net has no hole of its own: each of these is caught."""
    for text in ("<img src=x onerror=alert(1)>", "<script>alert(1)</script>", "<a href='javascript:alert(1)'>", "<iframe src=/x>",
                 "<a href=//example.org>", "<p style='x'>", "<meta http-equiv=refresh>"):
        assert wrong_in(f"<p>{text}</p>"), text


def test_the_shared_list_has_what_it_should() -> None:
    path = Path(SHARED_DATA) / "bad_inputs" / "names.jsonl"
    if not path.is_file():
        pytest.skip(f"no shared data in {path}: only our own names are tried")
    assert len(hostile()) == len(NAMES) + 54 + len(TEXTS)
