"""Acknowledgements: to people only, one a sender and day, after the commit, through TLS, sent again under the same Message-ID."""

from __future__ import annotations

import socket
import ssl
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from sqlalchemy import select

from intake import acknowledging, mailcheck
from intake.box import recheck
from intake.box.inside import answerable
from intake.config import Home, Mailbox, Settings, Tenant
from intake.db import outbox
from intake.db.core import Database, utcnow
from intake.db.deliveries import add_delivery
from intake.errors import ConfigError, Refused, ServiceError
from intake.schema import acknowledgements
from intake.sources.smtp import Smtp
from intake.vocabulary import Envelope, Fact, Part, Viewer
from tests.making import delivery

BOX = Mailbox(name="post", host="imap.example", user="post@amt.example", acknowledge=True)
SETTINGS = Settings(tenant=(Tenant(name="mittelau", title="Amt Mittelau", mailbox=(BOX,)),))
ANNA = "anna@example.org"


def mail(**headers: str) -> EmailMessage:
    made = EmailMessage()
    for name, value in ({"From": f"Anna <{ANNA}>"} | {key.replace("_", "-"): value for key, value in headers.items()}).items():
        made[name] = value
    made.set_content("Guten Tag")
    return made


@pytest.mark.parametrize(("headers", "why"), [
    ({}, ""), ({"Return_Path": f"<{ANNA}>"}, ""), ({"Auto_Submitted": "no"}, ""), ({"Precedence": "first-class"}, ""),
    ({"Auto_Submitted": "auto-replied"}, "Auto-Submitted"), ({"Auto_Submitted": "auto-generated; x=y"}, "Auto-Submitted"),
    ({"Precedence": "Bulk"}, "Precedence"), ({"Precedence": "list"}, "Precedence"), ({"List_Unsubscribe": "<x>"}, "List-Id"),
    ({"X_Auto_Response_Suppress": "OOF"}, "X-Auto-Response-Suppress"), ({"Return_Path": "<>"}, "Return-Path"),
    ({"From": "MAILER-DAEMON@example.org"}, "From"), ({"From": "no-reply@example.org"}, "From"),
    ({"From": "noreply+x@example.org"}, "From"), ({"From": "nicht-antworten@example.org"}, "From"), ({"From": "kaputt"}, "From"),
    ({"Return_Path": "<liste-bounces@example.org>"}, "Return-Path"), ({"From": "owner-liste@example.org"}, "From")])
def test_only_people_are_answered(headers: dict[str, str], why: str) -> None:
    assert answerable.reason(mail(**headers)) == why
    found = answerable.facts(mail(**headers))
    assert recheck.facts([Fact(*one) for one in found])[0].name == ("mail_no_answer" if why else "mail_answer_to")


def test_reports_are_not_answered_and_the_answer_goes_to_the_return_path() -> None:
    report = mail()
    report.replace_header("Content-Type", "multipart/report; report-type=delivery-status")
    assert answerable.reason(report) == "Content-Type"
    assert answerable.facts(mail(Return_Path="<b@example.org>")) == [("mail_answer_to", "b@example.org", "header:Return-Path")]


def opened(db: Database, *facts: tuple[str, str], box: Mailbox = BOX, settings: Settings = SETTINGS) -> str:
    """A mail of the mailbox, opened: what the pipeline's transaction does; its delivery."""
    made = delivery(channel="mail", source="post", envelope=Envelope(subject="Bauvoranfrage", message_id="<1@example.org>"))
    said = tuple(Fact(name, value, "header:From") for name, value in facts or (("mail_answer_to", ANNA),))
    with db.transaction() as tx:
        add_delivery(tx, made)
        acknowledging.plan(tx, settings, box, made, (Part(made.id, 0, None, made.original, facts=said),))
    return made.id


def rows(db: Database) -> list[dict[str, Any]]:
    with db.read() as conn:
        return [dict(row) for row in conn.execute(select(acknowledgements).order_by(acknowledgements.c.id)).mappings()]


def test_one_a_sender_and_day_and_none_where_it_must_not_be(database: Database) -> None:
    for facts in ((), (), (("mail_answer_to", "ANNA@example.org"),), (("mail_no_answer", "Precedence"),),
                  (("mail_answer_to", "Post@Amt.example"),), (("mail_answer_to", "b@example.org"), ("mail_dmarc", "fail x.org"))):
        opened(database, *facts)
    opened(database, box=BOX.model_copy(update={"acknowledge": False}))
    assert [row["recipient"] for row in rows(database)] == [ANNA]


def test_the_default_is_off() -> None:
    assert not Mailbox(name="p", host="h", user="u").acknowledge
    with pytest.raises(ValueError, match="acknowledge_from"):
        Mailbox(name="p", host="h", user="ohne", acknowledge=True)
    with pytest.raises(ValueError, match="acknowledge_text"):
        Mailbox(name="p", host="h", user="u", acknowledge_text="{wer}")


class Server:
    """A real mail server with TLS that keeps what it took and answers as it is told."""

    def __init__(self) -> None:
        self.taken: list[tuple[str | None, list[str], EmailMessage]] = []
        self.answer = "250 OK"

    async def handle_DATA(self, server: object, session: object, envelope: Any) -> str:
        if self.answer.startswith("250"):
            parsed = message_from_bytes(envelope.content, policy=policy.default)
            self.taken.append((envelope.mail_from, envelope.rcpt_tos, parsed))  # type: ignore[arg-type]
        return self.answer


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                    "-addext", "subjectAltName=DNS:localhost", "-keyout", folder / "key.pem", "-out", folder / "cert.pem"],
                   check=True, capture_output=True)
    return folder


@pytest.fixture
def server(certificate: Path) -> Iterator[tuple[Server, Smtp]]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
    handler = Server()
    with socket.socket() as spare:
        spare.bind(("127.0.0.1", 0))
        port = spare.getsockname()[1]
    controller = Controller(handler, hostname="localhost", port=port, tls_context=context, require_starttls=True)
    controller.start()
    yield handler, Smtp("localhost", port, ca_file=str(certificate / "cert.pem"))
    controller.stop()


def test_it_is_sent_once_over_tls_and_marked_as_automatic(database: Database, server: tuple[Server, Smtp]) -> None:
    handler, smtp = server
    identity = opened(database)
    assert acknowledging.send_due(database, SETTINGS, smtp.send) == 1
    assert acknowledging.send_due(database, SETTINGS, smtp.send) == 0
    ((sender, recipients, said),) = handler.taken
    assert sender in ("", "<>") and recipients == [ANNA]
    assert said["Auto-Submitted"] == "auto-replied" and said["Precedence"] == "bulk" and said["In-Reply-To"] == "<1@example.org>"
    assert said["Subject"] == "Eingangsbestätigung: Bauvoranfrage" and "Amt Mittelau" in said["From"]
    assert identity[-8:] in said.get_content() and "eingegangen" in said.get_content()
    assert answerable.reason(said) == "Auto-Submitted"  # two such offices do not answer each other for ever
    assert rows(database)[0]["sent_at"]


def test_trouble_is_tried_again_and_given_up_after_three_days(database: Database, server: tuple[Server, Smtp]) -> None:
    handler, smtp = server
    opened(database)
    handler.answer = "451 später"
    assert acknowledging.send_due(database, SETTINGS, smtp.send) == 0
    assert acknowledging.send_due(database, SETTINGS, smtp.send) == 0 and rows(database)[0]["attempts"] == 1
    later = utcnow() + timedelta(hours=1)
    handler.answer = "250 OK"
    assert acknowledging.send_due(database, SETTINGS, smtp.send, lambda: later) == 1 and len(handler.taken) == 1
    opened(database, ("mail_answer_to", "b@example.org"))
    handler.answer = "451 später"
    acknowledging.send_due(database, SETTINGS, smtp.send, lambda: utcnow() + timedelta(days=4))
    assert rows(database)[1]["given_up_at"] and not rows(database)[1]["sent_at"]


def test_a_refusal_for_good_is_final(database: Database, server: tuple[Server, Smtp]) -> None:
    handler, smtp = server
    handler.answer = "550 nein"
    opened(database)
    acknowledging.send_due(database, SETTINGS, smtp.send)
    assert rows(database)[0]["given_up_at"]


def test_a_kill_after_sending_sends_the_same_message_again_and_another_worker_does_not(database: Database) -> None:
    sent: list[str] = []

    def killed(message: EmailMessage, _: str) -> None:
        sent.append(message["Message-ID"])
        raise KeyboardInterrupt

    opened(database)
    with pytest.raises(KeyboardInterrupt):
        acknowledging.send_due(database, SETTINGS, killed)
    assert acknowledging.send_due(database, SETTINGS, lambda message, _: sent.append(message["Message-ID"])) == 0
    later = utcnow() + timedelta(minutes=11)
    assert acknowledging.send_due(database, SETTINGS, lambda message, _: sent.append(message["Message-ID"]), lambda: later) == 1
    assert len(sent) == 2 and sent[0] == sent[1]


def test_a_server_without_our_trust_or_away_is_said(server: tuple[Server, Smtp]) -> None:
    _, smtp = server
    with pytest.raises(ConfigError, match="Zertifikat"):
        Smtp("localhost", smtp.port).send(mail(), ANNA)
    with pytest.raises(ServiceError, match="nicht zu erreichen"):
        Smtp("localhost", 1).send(mail(), ANNA)
    assert issubclass(Refused, Exception)


def test_the_list_says_what_became_of_each(database: Database, server: tuple[Server, Smtp]) -> None:
    handler, smtp = server
    viewer = Viewer("mittelau")
    opened(database)
    with database.read() as conn:
        (line,) = outbox.listed(conn, viewer, 10)
        assert (line.recipient, line.state, line.attempts) == (ANNA, "waiting", 0)
    acknowledging.send_due(database, SETTINGS, smtp.send)
    handler.answer = "550 nein"
    opened(database, ("mail_answer_to", "b@example.org"))
    acknowledging.send_due(database, SETTINGS, smtp.send)
    with database.read() as conn:
        found = outbox.listed(conn, viewer, 10)
        assert [(line.recipient, line.state) for line in found] == [("b@example.org", "given_up"), (ANNA, "sent")]
        assert outbox.listed(conn, viewer, 1) == found[:1]
        assert outbox.listed(conn, Viewer("anderswo"), 10) == ()
        assert outbox.listed(conn, Viewer("mittelau", classes=frozenset()), 10) == ()


# ---- poststelle check ------------------------------------------------------------------------------------------------


def told(home: Home) -> list[tuple[str, str]]:
    return list(mailcheck.findings(home))


def home_with(root: Path, **settings: Any) -> Home:
    (root / "secrets").mkdir(exist_ok=True)
    (root / "secrets" / "smtp").write_text("geheim", encoding="utf-8")
    (root / "secrets" / "smtp").chmod(0o600)
    return Home(root, Settings(**settings))


def test_the_check_connects_and_sends_nothing(server: tuple[Server, Smtp], tmp_path: Path) -> None:
    handler, known = server
    here = {"host": "localhost", "port": known.port, "ca_file": known.ca_file}
    assert told(home_with(tmp_path, smtp=here)) == [("ok", "localhost nimmt Post von uns an")]
    for wrong, why in (({"ca_file": ""}, "Zertifikat"), ({"port": 1}, "nicht zu erreichen"), ({"user": "post"}, "Mailserver")):
        ((level, said),) = told(home_with(tmp_path, smtp=here | wrong))
        assert level == "wrong" and why in said
    assert handler.taken == []
    assert told(home_with(tmp_path)) == []


def test_the_check_says_what_is_missing(tmp_path: Path) -> None:
    lost = Mailbox(name="post", host="localhost", port=1, user="post@amt.example", acknowledge=True)
    town = Tenant(name="mittelau", mailbox=(lost,))
    mailbox, outgoing = told(home_with(tmp_path, tenant=(town,)))
    assert mailbox[0] == "wrong" and mailbox[1].startswith("Postfach post: ")
    assert outgoing[0] == "wrong" and "[smtp]" in outgoing[1]
    ((level, said),) = told(home_with(tmp_path, mail={"trust_folder": str(tmp_path / "nichts")}))
    assert level == "wrong" and "trust_folder" in said
    (tmp_path / "stellen").mkdir()
    ((level, said),) = told(home_with(tmp_path, mail={"trust_folder": str(tmp_path / "stellen")}))
    assert level == "wrong" and "kein Zertifikat" in said


def test_the_check_counts_what_we_trust(certificate: Path, tmp_path: Path) -> None:
    (tmp_path / "stellen").mkdir()
    (tmp_path / "stellen" / "a.pem").write_bytes((certificate / "cert.pem").read_bytes())
    ((level, said),) = told(home_with(tmp_path, mail={"trust_folder": str(tmp_path / "stellen")}))
    assert level == "ok" and said.startswith("1 vertraute")
