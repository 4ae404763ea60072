"""Mail as it comes: every message of the corpus through the real box becomes a unit or says why not; nothing is lost."""

from __future__ import annotations

import base64
import csv
import os
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest

from intake.box import Box, Unpacked
from intake.box.results import ReadOrder
from intake.config import BoxSettings
from intake.errors import InputError, Reason

LONGEST_SUBJECT = 80
"""The index cuts longer ones."""
ENCRYPTED = "outlook_msg/test_resources_test-messages_S_MIME_test_message_encrypted.msg"


@pytest.fixture(scope="module")
def box() -> Iterator[Box]:
    made = Box(BoxSettings())
    yield made
    made.close()


def messages(shared_data: Path) -> list[dict[str, str]]:
    with (shared_data / "mails" / "index.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def agrees(said: str, found: str) -> bool:
    """Whether a subject is that of the index; what the index could not decode may be anything that is decoded."""
    if "=?" in said:
        return bool(found) and "=?" not in found
    one, two = (" ".join(unicodedata.normalize("NFC", text).split()) for text in (said[:LONGEST_SUBJECT], found))
    pattern = re.sub("(?:\ufffd|\\\\\\\\ufffd)+", ".{1,12}", re.escape(one))
    return (re.match(pattern, two) is not None and "\ufffd" not in two) or one == two


def attached(found: Unpacked) -> int:
    """All that hangs on a message: its parts, and what its text says to lie in the original only (pictures, signatures)."""
    text = found.parts[0].path.read_bytes().decode("utf-8", "replace") if found.parts[0].media_type == "text/plain" else ""
    return len(found.parts) - 1 + text.count("nur im Original") + text.count("[Signatur")


def check(box: Box, shared_data: Path, tmp_path: Path, rows: list[dict[str, str]]) -> tuple[list[str], list[str], int]:
    """Files with a wrong subject, with attachments missing, and how many were refused with a reason."""
    subjects, missing, refused = [], [], 0
    for row in rows:
        path = shared_data / "mails" / row["file"]
        try:
            found = box.open(path, path.name, ReadOrder(), tmp_path).unpacked
        except InputError as error:
            assert (row["file"], error.reason) == (ENCRYPTED, Reason.ENCRYPTED)
            refused += 1
            continue
        assert all(part.pages > 0 or part.problem or part.media_type == "application/zip" for part in found.parts)
        assert all(part.detail for part in found.parts if part.problem)
        assert not any(sign in part.name for part in found.parts for sign in "\r\n\x00\u202e")
        if row["type"] != "msg" and not agrees(row["subject"], found.envelope.subject or ""):
            subjects.append(row["file"])
        if row["type"] != "msg" and attached(found) < int(row["attachments"] or 0):
            missing.append(row["file"])
    return subjects, missing, refused


def test_german_offices_and_outlook(box: Box, shared_data: Path, tmp_path: Path) -> None:
    rows = [row for row in messages(shared_data) if row["file"].startswith(("fragdenstaat", "opengever"))]
    assert len(rows) >= 15
    assert check(box, shared_data, tmp_path, rows) == ([], [], 0)


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_every_message_becomes_a_unit_or_says_why_not(box: Box, shared_data: Path, tmp_path: Path) -> None:
    rows = messages(shared_data)
    subjects, missing, refused = check(box, shared_data, tmp_path, rows)
    print(f"{len(rows)} messages, {refused} refused, wrong subjects {subjects}, attachments missing {missing}")
    assert refused == 1
    assert len(subjects) <= 0.01 * len(rows)
    assert not missing


@pytest.mark.long
@pytest.mark.timeout(600)
def test_a_message_of_200_mb_and_one_of_20000_parts_end_clearly(box: Box, tmp_path: Path) -> None:
    head = (b"From: a@b.de\nSubject: x\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n"
            b"--b\nContent-Type: text/plain\n\nText\n")
    heavy, many = tmp_path / "gross.eml", tmp_path / "viele.eml"
    with heavy.open("wb") as file:
        file.write(head + b"--b\nContent-Type: application/x-eigen; name=a.bin\nContent-Transfer-Encoding: base64\n\n")
        while file.tell() < 200 << 20:
            file.write(base64.encodebytes(os.urandom(57_000)))
        file.write(b"--b--\n")
    part = b"--b\nContent-Type: text/plain; name=%d.txt\n\nTeil\n"
    many.write_bytes(head + b"".join(part % number for number in range(20_000)))
    found = box.open(heavy, heavy.name, ReadOrder(), tmp_path).unpacked
    assert [(part.name, part.problem) for part in found.parts] == [("Nachricht.txt", None), ("a.bin", Reason.UNKNOWN_TYPE)]
    assert found.parts[1].size > 140 << 20
    lean = Box(BoxSettings(memory_mib=700)).open(heavy, heavy.name, ReadOrder(), tmp_path).unpacked
    assert [part.size for part in lean.parts] == [part.size for part in found.parts]
    for path, small in ((many, box), (heavy, Box(BoxSettings(memory_mib=300)))):
        with pytest.raises(InputError) as refused:
            small.open(path, path.name, ReadOrder(), tmp_path)
        assert refused.value.reason is Reason.TOO_LARGE
        assert refused.value.detail
