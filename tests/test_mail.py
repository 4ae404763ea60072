"""Mail as parts: every attachment is there or named, headers of every kind of mistake come out as clean text."""

from __future__ import annotations

import base64
import io
import json
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from intake.box.inside import mail, mailtext
from intake.box.inside.unpack import Limits, Parts
from intake.errors import InputError, Reason

LIMITS = Limits(max_pages=100, max_parts=40, max_depth=3, max_megapixels=50)


@pytest.fixture
def unpack(tmp_path: Path):
    def run(data: bytes | EmailMessage, limits: Limits = LIMITS) -> tuple[dict, list[dict], list[str]]:
        parts = Parts(tmp_path, limits)
        envelope = mail.unpack(bytes(data), parts)
        texts = [(tmp_path / part["file"]).read_text() if part["media_type"] == "text/plain" and part["file"] else ""
                 for part in parts.found]
        return envelope, parts.found, texts
    return run


def message(text: str = "Guten Tag", **headers: str) -> EmailMessage:
    made = EmailMessage()
    usual = {"From": "Erika Muster <erika@example.org>", "To": "post@example.org", "Subject": "Antrag"}
    for name, value in (usual | headers).items():
        made[name.replace("_", "-")] = value
    made.set_content(text)
    return made


def picture(size: tuple[int, int] = (300, 200), form: str = "PNG") -> bytes:
    file = io.BytesIO()
    Image.effect_noise(size, 90).convert("RGB").save(file, form)
    return file.getvalue()


def test_the_text_carries_the_head_of_the_letter(unpack) -> None:
    made = message("Grüße\n\nErika", Subject="Bäume fällen", Date="Mon, 02 Nov 2026 10:15:00 +0100", Message_ID="<1@example.org>")
    envelope, parts, texts = unpack(made)
    assert envelope == {"sender": "Erika Muster <erika@example.org>", "recipient": "post@example.org", "subject": "Bäume fällen",
                        "date": "2026-11-02T10:15:00+01:00", "message_id": "<1@example.org>"}
    assert texts[0].splitlines() == [
        "Von: Erika Muster <erika@example.org>", "An: post@example.org", "Datum: 02.11.2026 10:15 +0100",
        "Betreff: Bäume fällen", "", "Grüße", "", "Erika"]
    assert [(part["position"], part["parent"], part["pages"]) for part in parts] == [(0, None, 1)]


def test_every_attachment_is_a_part_in_its_order(unpack) -> None:
    made = message()
    made.add_attachment(b"%PDF-broken", maintype="application", subtype="pdf", filename="plan.pdf")
    made.add_attachment(picture(), maintype="image", subtype="png", filename="foto.png")
    made.add_attachment(b"MZ\x90", maintype="application", subtype="octet-stream", filename="bescheid.pdf.exe")
    made.add_attachment("Zeile", filename="notiz.txt")
    made.add_attachment(b"", maintype="application", subtype="octet-stream", filename="leer.pdf")
    _, parts, texts = unpack(made)
    assert [(part["name"], part["problem"], part["pages"], part["parent"]) for part in parts] == [
        ("Nachricht.txt", None, 1, None), ("plan.pdf", "damaged", 0, 0), ("foto.png", None, 1, 0),
        ("bescheid.pdf.exe", "active", 0, 0), ("notiz.txt", None, 1, 0), ("leer.pdf", "empty", 0, 0)]
    assert "Anlagen: plan.pdf, foto.png, bescheid.pdf.exe, notiz.txt, leer.pdf" in texts[0]


def test_a_broken_picture_is_known_at_once(unpack) -> None:
    made = message()
    made.add_attachment(b"\x89PNG\r\n\x1a\n" + b"x" * 200, maintype="image", subtype="png", filename="kaputt.png")
    assert unpack(made)[1][1]["problem"] == "damaged"


def test_small_pictures_in_the_text_are_named_not_cut_out(unpack) -> None:
    made = message()
    made.add_alternative("<p>Guten Tag <img src='cid:logo'></p>", subtype="html")
    body = made.get_payload()[1]
    body.add_related(picture((20, 20)), "image", "png", cid="<logo>", filename="logo.png", disposition="inline")
    body.add_related(picture((400, 300)), "image", "png", cid="<foto>", filename="foto.png", disposition="inline")
    body.add_related(picture((900, 40)), "image", "png", cid="<line>", filename="linie.png", disposition="inline")
    _, parts, texts = unpack(made)
    assert [part["name"] for part in parts] == ["Nachricht.txt", "foto.png"]
    assert "[Bild im Text, nur im Original: logo.png" in texts[0]
    assert "linie.png" in texts[0]


def test_the_same_small_picture_attached_is_a_part(unpack) -> None:
    made = message()
    made.add_attachment(picture((20, 20)), maintype="image", subtype="png", filename="stempel.png")
    assert [part["name"] for part in unpack(made)[1]] == ["Nachricht.txt", "stempel.png"]


def test_plain_text_wins_unless_it_is_a_stub(unpack) -> None:
    long = "Wir beantragen die Genehmigung. " * 20
    for plain, expected in (("Der Brief.", "Der Brief."), ("Bitte HTML einschalten.", long.strip())):
        made = message(plain)
        made.add_alternative(f"<p>{long if expected != plain else 'Der <b>Brief</b>.'}</p>", subtype="html")
        assert expected in unpack(made)[2][0]


def test_html_becomes_text_without_a_request_to_anyone(unpack) -> None:
    made = message()
    made.set_content("<html><head><title>weg</title><style>p {x: y}</style></head><body><script>alert(1)</script>"
                     "<p>Erste &amp; zweite<br>Zeile</p><table><tr><td>A</td><td>B&nbsp;C</td></tr></table>"
                     "<img src='https://example.org/x.png'><a href='file:///etc/passwd'>hier</a></body></html>", subtype="html")
    text = unpack(made)[2][0].split("\n\n", 1)[1]
    assert [line for line in text.splitlines() if line] == ["Erste & zweite", "Zeile", "A  B C", "hier"]
    for word in ("weg", "alert", "https", "passwd"):
        assert word not in text


def test_nested_messages_keep_their_own_attachments(unpack) -> None:
    inner = message("innen", Subject="Innere")
    inner.add_attachment("Liste", filename="liste.txt")
    outer = message("außen")
    outer.add_attachment(inner)
    _, parts, texts = unpack(outer)
    assert [(part["name"], part["parent"]) for part in parts] == [("Nachricht.txt", None), ("Nachricht.txt", 0), ("liste.txt", 1)]
    assert "Betreff: Innere" in texts[1]
    assert "innen" in texts[1]
    assert "innen" not in texts[0]


def test_a_message_sent_as_a_mere_file_is_opened_too(unpack) -> None:
    made = message()
    inner = bytes(message("drin", Subject="Zweite"))
    made.add_attachment(inner, maintype="application", subtype="octet-stream", filename="x.dat")
    _, parts, texts = unpack(made)
    assert parts[1]["parent"] == 0
    assert "drin" in texts[1]


def nested(depth: int) -> EmailMessage:
    made = message("Kern")
    for _ in range(depth):
        outer = message("Hülle")
        outer.add_attachment(made)
        made = outer
    return made


def test_depth_and_number_are_limited(unpack) -> None:
    assert len(unpack(nested(3))[1]) == 4
    with pytest.raises(InputError) as refused:
        unpack(nested(4))
    assert refused.value.reason is Reason.TOO_LARGE
    many = message()
    for number in range(40):
        many.add_attachment("x", filename=f"{number}.txt")
    with pytest.raises(InputError) as refused:
        unpack(many)
    assert refused.value.reason is Reason.TOO_LARGE


@pytest.mark.parametrize("depth", [40, 300, 3000])
def test_multiparts_without_end_are_refused(unpack, depth: int) -> None:
    lines = ["From: a@b.de", "Subject: x"]
    for number in range(depth):
        lines += [f'Content-Type: multipart/mixed; boundary="b{number}"', "", f"--b{number}"]
    with pytest.raises(InputError) as refused:
        unpack("\r\n".join([*lines, "Content-Type: text/plain", "", "x"]).encode())
    assert refused.value.reason is Reason.TOO_LARGE


ENCRYPTED = (b"From: a@b.de\r\nSubject: x\r\nMIME-Version: 1.0\r\n"
             b"Content-Type: application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m\r\n"
             b"Content-Transfer-Encoding: base64\r\n\r\nMIAGCSqG\r\n")


def test_an_encrypted_message_is_refused_a_signed_one_is_not(unpack) -> None:
    with pytest.raises(InputError) as refused:
        unpack(ENCRYPTED)
    assert refused.value.reason is Reason.ENCRYPTED
    signed = (b"From: a@b.de\r\nSubject: x\r\nContent-Type: multipart/signed; boundary=b\r\n\r\n--b\r\n"
              b"Content-Type: text/plain\r\n\r\nText\r\n--b\r\n"
              b"Content-Type: application/pkcs7-signature; name=smime.p7s\r\n\r\nxx\r\n--b--\r\n")
    _, parts, texts = unpack(signed)
    assert len(parts) == 1
    assert "[Signatur (S/MIME) ließ sich nicht prüfen]" in texts[0]
    assert {"name": "mail_smime", "value": "indeterminate", "term": "smime:signature"} in parts[0]["facts"]


def test_an_encrypted_attachment_does_not_stop_the_mail(unpack) -> None:
    made = message("Anbei verschlüsselt")
    made.add_attachment(ENCRYPTED, maintype="application", subtype="pkcs7-mime", filename="smime.p7m")
    _, parts, _ = unpack(made)
    assert [part["problem"] for part in parts] == [None, "encrypted"]


def test_hostile_names_are_data(unpack, shared_data: Path) -> None:
    names = [json.loads(line) for line in (shared_data / "bad_inputs/names.jsonl").read_text().splitlines()]
    for name in (entry["filename"] for entry in names if "filename" in entry):
        coded = base64.b64encode(name.encode("utf-8", "surrogatepass")).decode()
        raw = (f"From: a@b.de\r\nSubject: x\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
               f"Content-Type: text/plain\r\nContent-Disposition: attachment; filename=\"=?utf-8?b?{coded}?=\"\r\n"
               "\r\nx\r\n--b--\r\n")
        _, parts, _ = unpack(raw.encode())
        assert parts[1]["file"] == "p1"
        assert not any(ord(char) < 32 for char in parts[1]["name"])


@pytest.mark.parametrize(("raw", "shown"), [
    ("=?utf-8?q?Gr=C3=BC=C3=9Fe?=", "Grüße"), ("=?iso-8859-1?Q?Gr=FC=DFe?=", "Grüße"), ("=?utf-8?B?R3LDvMOfZQ==?=", "Grüße"),
    ("=?iso-8859-1?Q?Anfrage;\r\n _Gespr=E4ch?=", "Anfrage; Gespräch"), ("AW: A\r\n \r\n\t=?utf-8?q?=C3=BC?=", "AW: A ü"),
    ("=?utf-8?b?kaputt!?=", None), ("=?keins?q?a?=", "a"), ("Zeile\r\n\tzwei", "Zeile zwei"),
    ("a\x00b\x07", "ab"), ("u\u0308", "ü"), ("=?utf-7?q?+ADw-script+AD4-?=", "<script>"), ("", ""),
])
def test_header_lines(raw: str, shown: str | None) -> None:
    found = mailtext.line(raw)
    assert shown is None or found == shown


def test_raw_eight_bit_headers_are_read() -> None:
    for charset in ("utf-8", "cp1252"):
        parsed = mail.parse("Subject: Bäume\r\nFrom: a@b.de\r\n\r\n".encode(charset))
        assert mailtext.line(parsed["Subject"]) == "Bäume"


@pytest.mark.parametrize(("raw", "when"), [
    ("Mon, 02 Nov 2026 10:15:00 +0100", "2026-11-02T10:15:00+01:00"), ("2 Nov 2026 10:15 -0000", "2026-11-02T10:15:00+00:00"),
    ("gestern", None), ("", None), ("Mon, 99 Nov 2026 10:15:00", None), ("Mon, 02 Nov 1026 10:15:00 +0000", None),
    ("Mon, 02 Nov 2026 10:15:00 +99999999", None),
])
def test_dates(raw: str, when: str | None) -> None:
    found = mailtext.sent_at(raw)
    assert (found.isoformat() if found else None) == when


@given(st.binary(max_size=400))
@settings(deadline=None)
def test_any_bytes_are_a_message_or_are_refused(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    parts = Parts(tmp_path_factory.mktemp("mail"), LIMITS)
    try:
        mail.unpack(b"From: a@b.de\r\nContent-Type: multipart/mixed; boundary=b\r\n" + data, parts)
    except InputError:
        return
    assert [part["position"] for part in parts.found] == list(range(len(parts.found)))
    assert all((part["pages"] == 0) == (part["problem"] is not None) for part in parts.found)
    json.dumps(parts.found)


@given(st.text(max_size=200))
@settings(deadline=None)
def test_header_values_are_one_clean_line(text: str) -> None:
    found = mailtext.line(text)
    assert not any(ord(char) < 32 or 0x7F <= ord(char) < 0xA0 for char in found)
    found.encode()


@given(st.text(max_size=300))
@settings(deadline=None)
def test_html_never_shows_what_a_script_says(text: str) -> None:
    assert "xsecretx" not in mailtext.html_text(f"<script>xsecretx</script><style>xsecretx</style><p>{text}</p>")
    assert mailtext.html_text("") == ""


@given(st.binary(max_size=100),
       st.sampled_from([None, "utf-8", "iso-8859-15", "hex", "unicode_escape", "kein", "utf-16", "cp037", ""]))
def test_bytes_always_become_text(data: bytes, charset: str | None) -> None:
    assert isinstance(mailtext.as_text(data, charset), str)


def test_the_clock_of_the_sender_is_not_ours() -> None:
    assert mailtext.sent_at("Mon, 02 Nov 2026 10:15:00") == datetime(2026, 11, 2, 10, 15, tzinfo=UTC)
