"""receive takes files in by name; unpack shows what is inside without taking it in."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from intake.cli import run
from intake.config import load
from intake.db.core import Database
from intake.db.work import counts
from intake.resources import resource
from tests.mailserver import message


@pytest.fixture
def home(tmp_path: Path) -> Path:
    assert run(["init", str(tmp_path / "home")]) == 0
    return tmp_path / "home"


def outcome(home: Path) -> dict[str, int]:
    database = Database(load(home).database_url)
    try:
        with database.read() as conn:
            return dict(counts(conn)["outcome"])  # type: ignore[call-overload]
    finally:
        database.close()


def test_receive_takes_in_once(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    letter = tmp_path / "Brief.pdf"
    letter.write_bytes(b"%PDF-1.7 ...")
    assert run(["receive", str(letter), "--home", str(home)]) == 0
    assert "Brief.pdf: aufgenommen" in capsys.readouterr().out
    assert run(["receive", str(letter), "--home", str(home)]) == 0
    assert "war schon aufgenommen" in capsys.readouterr().out
    copy = tmp_path / "Kopie.pdf"
    copy.write_bytes(letter.read_bytes())
    assert run(["receive", str(copy), "--home", str(home)]) == 0
    assert "Dublette" in capsys.readouterr().out
    assert letter.exists() and copy.exists(), "files that were named are left where they are"
    assert sum(outcome(home).values()) == 2


def test_receive_into_a_profile_that_does_not_exist(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    letter = tmp_path / "Brief.pdf"
    letter.write_bytes(b"x")
    assert run(["receive", str(letter), "--profile", "keller", "--home", str(home)]) == 2
    assert "„keller“ gibt es bei mittelau nicht" in " ".join(capsys.readouterr().err.split())


def test_unpack_shows_a_message(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mail, told = tmp_path / "post.eml", tmp_path / "told.json"
    mail.write_bytes(message("Grüße aus Mittelau", size=600))
    assert run(["unpack", str(mail), "--json", str(told)]) == 0
    said = json.loads(told.read_text())
    assert said["envelope"]["subject"] == "Grüße aus Mittelau"
    _, attachment = said["parts"]
    assert attachment["name"] == "Anlage.txt" and attachment["parent"] == 0 and attachment["problem"] is None
    assert len(attachment["sha256"]) == 64 and attachment["size"] > 500
    assert "Anlage.txt" in capsys.readouterr().out


def test_unpack_shows_a_scan_as_itself(tmp_path: Path) -> None:
    sample, told = resource("samples") / "anfrage-hund.pdf", tmp_path / "told.json"
    assert run(["unpack", str(sample), "--json", str(told)]) == 0
    (part,) = json.loads(told.read_text())["parts"]
    assert part["sha256"] == hashlib.sha256(sample.read_bytes()).hexdigest() and part["media_type"] == "application/pdf"


def test_unpack_says_why_there_is_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    empty = tmp_path / "leer.eml"
    empty.write_bytes(b"")
    assert run(["unpack", str(empty)]) == 2
    assert capsys.readouterr().err.strip()
