"""The DKIM signature of a sender's server: only what does not fit a known key is invalid, and nobody waits for the DNS.

Messages are signed here with keys made here; the DNS is a real one on a loopback port.
"""

from __future__ import annotations

import base64
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import dkim
import dns.message
import dns.rcode
import dns.rrset
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given, settings
from hypothesis import strategies as st

from intake.blobs import Blobs
from intake.box import Box, MailOrder, ReadOrder
from intake.box.inside import dkimcheck, mail, record
from intake.cli import message as shown
from intake.config import BoxSettings
from intake.sources.dnskeys import PATIENCE, REST, DnsKeys
from intake.unpack import unpack
from intake.vocabulary import Delivery, Fact

NAME = "post._domainkey.kreis.example"
PLAIN = (b"From: Amt <amt@kreis.example>\r\nTo: post@amt.example\r\nSubject: Antrag\r\nDate: Mon, 2 Nov 2026 10:00:00 +0100\r\n"
         b"Message-ID: <1@kreis.example>\r\n\r\nGuten Tag,\r\nanbei der Antrag.\r\n")


@pytest.fixture(scope="module")
def pair() -> tuple[bytes, str]:
    return made(2048)


def made(bits: int) -> tuple[bytes, str]:
    """A private key in PEM and the text of the public one."""
    key = rsa.generate_private_key(65537, bits)
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL,
                                serialization.NoEncryption())
    public = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return private, f"v=DKIM1; k=rsa; p={base64.b64encode(public).decode()}"


def signed(private: bytes, message: bytes = PLAIN, **more: object) -> bytes:
    header: bytes = dkim.sign(message, b"post", b"kreis.example", private, canonicalize=(b"relaxed", b"relaxed"), **more)
    return header + message


def verdict(data: bytes, key: str | None) -> tuple[str, str]:
    return dkimcheck.verdicts(data, {NAME: key})[NAME]


def test_what_fits_is_valid_and_what_was_changed_is_not(pair: tuple[bytes, str]) -> None:
    private, key = pair
    data = signed(private)
    assert verdict(data, key) == ("valid", "signature")
    assert verdict(data.replace(b"\r\n", b"\n"), key) == ("valid", "signature")
    assert verdict(data.replace(b"anbei", b"ohne "), key) == ("invalid", "signature")
    assert verdict(data.replace(b"Subject: Antrag", b"Subject: Mahnung"), key) == ("invalid", "signature")
    assert verdict(data.replace(b"From: Amt", b"From: Amt <boese@x.example>\r\nFrom: Amt", 1), key)[0] == "invalid"
    assert verdict(data, made(1024)[1])[0] == "invalid"


@pytest.mark.parametrize(("key", "why"), [
    (None, "dns"), ("", "no-key"), ("v=DKIM1; p=", "no-key"), ("v=spf1 -all", "no-key"), ("v=DKIM1; k=rsa; p=AAAA", "key"),
    ("v=DKIM9; p=AAAA", "key"), ("v=DKIM1; k=rsa; p=@", "key")])
def test_without_a_good_key_nothing_is_called_invalid(pair: tuple[bytes, str], key: str | None, why: str) -> None:
    state, found = verdict(signed(pair[0]), key)
    assert state == "indeterminate" and found in (why, "form")


def test_what_proves_little_is_not_called_valid(pair: tuple[bytes, str]) -> None:
    private, key = pair
    assert verdict(signed(private, length=True), key) == ("indeterminate", "length")
    assert verdict(signed(private, signature_algorithm=b"rsa-sha1"), key) == ("indeterminate", "algorithm")
    assert verdict(signed(private).replace(b"anbei", b"ohne "), key + "; t=y:s") == ("indeterminate", "testing")
    old = signed(private).replace(b"; d=", b"; x=1000000000; d=", 1)
    assert verdict(old, key) == ("indeterminate", "expired")


def test_two_signatures_of_a_key_are_one_verdict_and_others_have_their_own(pair: tuple[bytes, str]) -> None:
    private, key = pair
    broken = signed(private).split(b"\r\nFrom:")[0].replace(b"bh=", b"bh=AA")
    data = broken + b"\r\n" + signed(private)
    assert verdict(data, key) == ("valid", "signature")
    assert dkimcheck.verdicts(data, {NAME: key, "x._domainkey.y.example": key})["x._domainkey.y.example"][0] == "indeterminate"


@given(st.binary(max_size=300), st.text(max_size=100))
@settings(max_examples=60, deadline=None)
def test_no_message_and_no_key_breaks_it(noise: bytes, key: str) -> None:
    head = b"DKIM-Signature: v=1; a=rsa-sha256; s=post; d=kreis.example; " + noise + b"\r\n"
    assert verdict(head + PLAIN, key)[0] in ("indeterminate", "invalid")
    record.facts(mail.parse(head + PLAIN))


@pytest.mark.parametrize(("header", "name"), [
    ("v=1; s=Post; d=Kreis.Example; b=x", NAME), ("s=post;\r\n\td=kreis.example", NAME), ("d=kreis.example", ""),
    ("s=a b; d=kreis.example", "ab._domainkey.kreis.example"), ("s=../etc; d=x.example", ""), ("s=a; d=x.example\x00y", ""),
    (f"s=a; d={'x' * 300}.example", "")])
def test_only_names_that_can_be_asked_for(header: str, name: str) -> None:
    assert record.key_name(header) == name


# ---- the DNS ---------------------------------------------------------------------------------------------------------


@contextmanager
def dns_server(answer: Callable[[str], str | None]) -> Iterator[tuple[str, int]]:
    """A name server for TXT; `answer` gives the text, "" = no such name, None = silence."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as door:
        door.bind(("127.0.0.1", 0))
        door.settimeout(0.1)
        stop = threading.Event()

        def serve() -> None:
            while not stop.is_set():
                try:
                    data, sender = door.recvfrom(4096)
                except TimeoutError:
                    continue
                asked = dns.message.from_wire(data)
                name = asked.question[0].name
                text = answer(name.to_text(omit_final_dot=True))
                if text is None:
                    continue
                said = dns.message.make_response(asked)
                if text:
                    pieces = " ".join(f'"{text[start:start + 200]}"' for start in range(0, len(text), 200))
                    said.answer.append(dns.rrset.from_text(name, 60, "IN", "TXT", '"v=spf1 -all"', pieces))
                else:
                    said.set_rcode(dns.rcode.NXDOMAIN)
                door.sendto(said.to_wire(max_size=4096), sender)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield door.getsockname()
        finally:
            stop.set()
            thread.join()


def test_keys_come_from_the_dns_and_silence_is_not_an_answer(pair: tuple[bytes, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("intake.sources.dnskeys.SECONDS", 0.3)
    asked: list[str] = []

    def answer(name: str) -> str | None:
        asked.append(name)
        return pair[1] if name == NAME else None if name.startswith("still") else ""

    now = [0.0]
    with dns_server(answer) as server:
        keys = DnsKeys(server, clock=lambda: now[0])
        assert keys.texts([NAME, "x._domainkey.kreis.example"]) == {NAME: pair[1], "x._domainkey.kreis.example": ""}
        began = time.monotonic()
        for number in range(PATIENCE):
            assert keys.texts([f"still{number}.example"]) == {f"still{number}.example": None}
        assert time.monotonic() - began < PATIENCE * 1.0
        asked.clear()
        assert keys.texts([NAME]) == {NAME: None} and not asked, "it rests after nobody answered"
        now[0] = REST + 1
        assert keys.texts([NAME]) == {NAME: pair[1]}
        assert keys.texts(["a..b", "x" * 70 + ".example"]) == {"a..b": None, "x" * 70 + ".example": None}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as nobody:  # a port on which nothing listens
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
    assert DnsKeys(("127.0.0.1", port)).texts([NAME]) == {NAME: None}


# ---- from the door to the record -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def box() -> Iterator[Box]:
    opened = Box(BoxSettings())
    yield opened
    opened.close()


def own(box: Box, tmp_path: Path, data: bytes, keys: Callable[..., dict[str, str | None]] | None) -> list[Fact]:
    blobs = Blobs(tmp_path / "blobs")
    original = blobs.add_bytes(data, "antrag.eml", "message/rfc822")
    post = Delivery("D1", "mittelau", "k", "mail", "rathaus", datetime(2026, 11, 2, tzinfo=UTC), original)
    contents = unpack(box, blobs, replace(post), ReadOrder(), tmp_path, MailOrder(), keys)
    return [fact for fact in contents.parts[0].facts if fact.name == "mail_dkim_own"]


def test_the_verdict_stands_in_the_record_of_the_message(box: Box, pair: tuple[bytes, str], tmp_path: Path) -> None:
    private, key = pair
    with dns_server(lambda name: key if name == NAME else "") as server:
        good = own(box, tmp_path, signed(private), DnsKeys(server).texts)
        bad = own(box, tmp_path, signed(private).replace(b"anbei", b"ohne "), DnsKeys(server).texts)
    assert [fact.value for fact in good + bad] == ["valid kreis.example", "invalid kreis.example"]
    (silent,) = own(box, tmp_path, signed(private), dict.fromkeys)
    assert silent == Fact("mail_dkim_own", "indeterminate kreis.example", "dkim:dns")
    assert [line for _, line in shown.lines([good[0], bad[0], silent])] == [
        "gültig (kreis.example)\nUNGÜLTIG: Kopf oder Text wurden unterwegs verändert (das tun auch Verteiler) (kreis.example)\n"
        "nicht geprüft: der Schlüssel ließ sich nicht abfragen (kreis.example)"]


def test_off_means_that_nobody_is_asked_and_nothing_is_said(box: Box, pair: tuple[bytes, str], tmp_path: Path) -> None:
    assert own(box, tmp_path, signed(pair[0]), None) == []
    assert own(box, tmp_path, PLAIN, lambda names: pytest.fail("asked for a message without signature")) == []


def test_a_message_too_large_to_check_says_so(box: Box, pair: tuple[bytes, str], tmp_path: Path) -> None:
    path = tmp_path / "gross.eml"
    path.write_bytes(signed(pair[0]) + b"x" * 70 * (dkimcheck.LARGEST // 60))
    (fact,) = box.dkim(path, {NAME: pair[1]}, tmp_path)
    assert (fact.value, fact.term) == ("indeterminate kreis.example", "dkim:too-large")
