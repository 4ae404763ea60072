"""The record of a message: only our own server is believed; what the header says of kin and way is kept."""

from __future__ import annotations

from email import message_from_string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.box import recheck
from intake.box.inside import mail, record
from intake.cli import message as shown
from intake.vocabulary import Fact

RAW = """Received: from a (a.example [192.0.2.1]) by mx.amt.example; Mon, 2 Nov 2026 10:00:00 +0100
Authentication-Results: mx.amt.example 1; spf=pass (ok; really) smtp.mailfrom=buerger@example.org;
 dkim=fail header.d=example.org; dmarc=none header.from=example.org
Received: from b by a; Mon, 2 Nov 2026 09:59:00 +0100
Authentication-Results: mx.amt.example; dmarc=pass header.from=bank.example
From: Erika <e@example.org>
To: post@amt.example
Cc: x@example.org
Reply-To: Antwort <r@example.org>
In-Reply-To: <1@amt.example>
References: <0@amt.example> <1@amt.example> <0@amt.example>
X-de-mail-sender: e@example.de-mail.example
x-De-Mail-Sender: gefaelscht@example.org
X-de-mail-authoritative: yes
Subject: AW: Antrag

Text
"""


def of(raw: str, authserv_id: str = "") -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value, _ in record.facts(mail.parse(raw.encode()), authserv_id):
        found.setdefault(name, []).append(value)
    return found


def test_the_way_and_the_kin_of_a_message() -> None:
    found = of(RAW, "mx.amt.example")
    assert found["mail_in_reply_to"] == ["<1@amt.example>"]
    assert found["mail_references"] == ["<0@amt.example>", "<1@amt.example>"]
    assert found["mail_reply_to"] == ["Antwort <r@example.org>"] and found["mail_cc"] == ["x@example.org"]
    assert len(found["mail_received"]) == 2
    assert found["mail_de_mail"] == ["sender: e@example.de-mail.example", "authoritative: yes"]


def test_only_the_topmost_verdict_of_our_own_server_counts() -> None:
    found = of(RAW, "MX.amt.example")
    assert (found["mail_spf"], found["mail_dkim"], found["mail_dmarc"]) == (
        ["pass example.org"], ["fail example.org"], ["none example.org"])
    for name in ("", "other.example", "amt.example"):
        assert not {"mail_spf", "mail_dkim", "mail_dmarc"} & set(of(RAW, name))


def test_the_record_is_told_in_german() -> None:
    facts = [Fact(*one) for one in record.facts(mail.parse(RAW.encode()), "mx.amt.example")]
    rows = dict(shown.lines([*facts, Fact("mail_smime", "invalid", "smime:signature"), Fact("iban", "DE1", "ubl:BT-84")]))
    assert rows["DKIM (eigener Server)"] == "NICHT bestanden (example.org)"
    assert rows["Bezug auf"] == "<1@amt.example> (und 1 weitere)"
    assert rows["S/MIME"].startswith("UNGÜLTIG")
    assert "iban" not in " ".join(rows)


@given(st.lists(st.tuples(
    st.sampled_from(["To", "Cc", "Reply-To", "References", "In-Reply-To", "Received", "X-De-Mail-Sender",
                     "Authentication-Results"]),
    st.text(max_size=80)), max_size=30))
def test_whatever_a_header_says_passes_the_check_outside(headers: list[tuple[str, str]]) -> None:
    made = message_from_string("Subject: x\n\n")
    for name, value in headers:
        made._headers.append((name, f"mx; spf=pass {value}" if name.startswith("Auth") else f"<{value}> {value}"))  # type: ignore[attr-defined]
    for fact in record.as_json(record.facts(made, "mx")):
        assert recheck.facts([Fact(**fact)])


@pytest.mark.parametrize("value", ["\u200e\u202e", " \t ", "\ufeff"])
def test_a_header_of_signs_nobody_sees_is_no_fact(value: str) -> None:
    assert not [name for name, _, _ in record.facts(mail.parse(f"Cc: {value}\nSubject: x\n\n".encode())) if name == "mail_cc"]
