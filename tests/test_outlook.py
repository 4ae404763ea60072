"""Outlook's containers: winmail.dat made here byte for byte, .msg files of the shared data; nothing of them is lost."""

from __future__ import annotations

import struct
from email.message import EmailMessage
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from intake.box.inside import mail, outlook
from intake.box.inside.message import Leaf, Letter
from intake.box.inside.unpack import Limits, Parts
from intake.errors import InputError, Reason

LIMITS = Limits(max_pages=100, max_parts=50, max_depth=3, max_megapixels=100)


def attribute(level: int, name: int, data: bytes) -> bytes:
    """One attribute of a TNEF stream (MS-OXTNEF 2.1.3): level, id, length, data, sum of the bytes."""
    return struct.pack("<BII", level, name, len(data)) + data + struct.pack("<H", sum(data) & 0xFFFF)


def tnef(*files: tuple[str, bytes], body: bytes = b"") -> bytes:
    """A winmail.dat with these attachments and a plain body."""
    made = struct.pack("<IH", 0x223E9F78, 1) + attribute(1, 0x00089006, struct.pack("<I", 0x00010000))
    made += attribute(1, 0x00069007, struct.pack("<II", 1252, 0))
    if body:
        made += attribute(1, 0x0002800C, body + b"\x00")
    for name, data in files:
        made += attribute(2, 0x00069002, bytes(14)) + attribute(2, 0x0006800F, data)
        made += attribute(2, 0x00018010, name.encode("cp1252") + b"\x00")
    return made


def test_what_winmail_holds_comes_out() -> None:
    found = outlook.of_tnef(tnef(("Antrag.txt", b"eins"), ("Plan.dat", b"\x00\x01"), body=b"Anbei der Antrag."))
    assert [(leaf.name, leaf.data) for leaf in found.leaves if isinstance(leaf, Leaf)] == [
        ("Antrag.txt", b"eins"), ("Plan.dat", b"\x00\x01")]
    assert found.text == ["Anbei der Antrag."]


def test_a_winmail_without_content_says_so() -> None:
    assert outlook.of_tnef(tnef()).remarks == ["winmail.dat ohne Inhalt"]


def with_winmail(data: bytes, text: str = "Siehe Anlage") -> bytes:
    made = EmailMessage()
    made["From"], made["Subject"] = "a@b.de", "Unterlagen"
    made.set_content(text)
    made.add_attachment(data, maintype="application", subtype="ms-tnef", filename="winmail.dat")
    return made.as_bytes()


def laid_out(tmp_path: Path, data: bytes) -> Parts:
    parts = Parts(tmp_path, LIMITS)
    mail.unpack(data, parts)
    return parts


def test_the_files_hang_on_the_message_itself(tmp_path: Path) -> None:
    parts = laid_out(tmp_path, with_winmail(tnef(("Antrag.txt", b"eins"), ("Antrag.txt", b"zwei"))))
    assert [(part["name"], part["parent"], part["problem"]) for part in parts.found] == [
        ("Nachricht.txt", None, None), ("Antrag.txt", 0, None), ("Antrag.txt", 0, None)]
    text = (tmp_path / "p0").read_text()
    assert "Anlagen: Antrag.txt, Antrag.txt" in text and "winmail.dat: 2 Dateien entnommen" in text
    assert [(tmp_path / name).read_bytes() for name in ("p1", "p2")] == [b"eins", b"zwei"]


def test_the_richer_text_is_shown(tmp_path: Path) -> None:
    laid_out(tmp_path, with_winmail(tnef(body=b"Der ganze Text steht nur in winmail.dat, wie so oft bei Outlook."), text=""))
    assert "Der ganze Text steht nur" in (tmp_path / "p0").read_text()


@pytest.mark.parametrize("data", [b"\x78\x9f\x3e\x22", b"\x78\x9f\x3e\x22\x01\x00" + b"\xff" * 40])
def test_a_damaged_winmail_is_a_part_with_its_reason(tmp_path: Path, data: bytes) -> None:
    parts = laid_out(tmp_path, with_winmail(data))
    told = [(part["name"], part["problem"]) for part in parts.found]
    assert told[0] == ("Nachricht.txt", None)
    assert told[1:] in ([("winmail.dat", "damaged")], []), "either it says that it is damaged, or that it holds nothing"
    if not told[1:]:
        assert "winmail.dat" in (tmp_path / "p0").read_text()


@settings(max_examples=60)
@example(b"\x02" + bytes(12))
@given(st.binary(max_size=300))
def test_any_bytes_are_a_container_or_damaged(data: bytes) -> None:
    for read in (outlook.of_tnef, outlook.of_msg):
        for head in (b"\x78\x9f\x3e\x22\x01\x00", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
            try:
                assert isinstance(read(head + data), Letter)
            except InputError as error:
                assert error.reason in (Reason.DAMAGED, Reason.TOO_LARGE)


def test_rtf_that_is_none() -> None:
    assert outlook.rtf_text(b"{\\rtf1 M\\'fcll\\par \\b Abfuhr\\b0 }").split() == ["Müll", "Abfuhr"]


# ---- real files ------------------------------------------------------------------------------------------------------

MESSAGES = {  # what a person sees in them: subject, attachments
    "HTML_mail_with_replyto_and_attachment_and_embedded_image": ("hey", ["thumbsup", "dresscode.txt", "location.txt"]),
    "S_MIME_test_message_encrypted": ("S/MIME test message encrypted", ["smime.p7m"]),
    "simple_email_with_TO_and_CC_single": ("Test E-Mail", []),
    "chinese_message_un_garbled": ("测试邮件", ["image001.png"]),
}


@pytest.mark.parametrize("name", MESSAGES)
def test_outlook_messages(shared_data: Path, name: str) -> None:
    path = shared_data / "mails" / "outlook_msg" / f"test_resources_test-messages_{name}.msg"
    found = outlook.of_msg(path.read_bytes())
    subject, attachments = MESSAGES[name]
    assert found.headers["Subject"] == subject
    assert [leaf.name for leaf in found.leaves if isinstance(leaf, Leaf)] == attachments
    assert "S_MIME" in name or "".join(found.text).strip(), "the text is there, also where it was only RTF"


def test_an_encrypted_outlook_message_is_known(shared_data: Path) -> None:
    path = shared_data / "mails" / "outlook_msg" / "test_resources_test-messages_S_MIME_test_message_encrypted.msg"
    (leaf,) = outlook.of_msg(path.read_bytes()).leaves
    assert isinstance(leaf, Leaf) and leaf.kind is not None and leaf.kind.reason is Reason.ENCRYPTED


def test_text_that_outlook_kept_as_rtf(shared_data: Path) -> None:
    path = shared_data / "mails" / "outlook_msg" / "test_resources_test-messages_issue-16-rtf-sample-email.msg"
    assert len("".join(outlook.of_msg(path.read_bytes()).text)) > 1000


def test_every_winmail_of_the_shared_data(shared_data: Path) -> None:
    """The numbers of attachments as the makers of these files state them."""
    expected = {"two-files": 2, "one-file": 1, "long-filename": 1, "data-before-name": 3, "missing-filenames": 4,
                "duplicate_filename": 3, "umlaut": 3, "body": 0}
    for path in sorted((shared_data / "mails").glob("tnef_*/*.tnef")):
        found = outlook.of_tnef(path.read_bytes())
        key = path.stem.split("_", 1)[1].removeprefix("datafiles_")
        assert len(found.leaves) == expected.get(key, len(found.leaves)), path.name
        assert found.leaves or found.text or found.remarks
