"""`poststelle read`: one file as text, as JSON and as PDF/A, with the exit codes of the house."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from email.message import EmailMessage
from pathlib import Path

import pikepdf
import pytest

from intake import cli
from intake.box import Box, ReadOrder
from intake.cli.reading import even, read_file
from intake.config import BoxSettings
from intake.errors import InputError
from samples.letters import born_digital


@pytest.fixture
def letter(tmp_path: Path) -> Path:
    path = tmp_path / "brief.pdf"
    born_digital(path, 3)
    return path


def many(letter: Path, pages: int) -> Path:
    """The letter again and again in one PDF."""
    target = letter.with_name("viele.pdf")
    with pikepdf.open(letter) as one, pikepdf.new() as pdf:
        for _ in range(pages):
            pdf.pages.extend(one.pages)
        pdf.save(target)
    return target


def test_without_options_the_text_is_shown(letter: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["read", str(letter)]) == 0
    assert "Mittelau" in capfd.readouterr().out


def test_json_has_every_field_that_is_promised(letter: Path, tmp_path: Path) -> None:
    out, pdf = tmp_path / "out.json", tmp_path / "out.pdf"
    assert cli.run(["read", str(letter), "--json", str(out), "--pdf", str(pdf)]) == 0
    answer = json.loads(out.read_text(encoding="utf-8"))
    (page,) = answer["pages"]
    assert set(page) >= {"number", "width_mm", "height_mm", "rotation", "skew", "blank", "script", "quality", "source",
                         "separators", "text", "words"}
    assert page["source"] == "text-layer" and abs(page["width_mm"] - 210) < 1 and abs(page["height_mm"] - 297) < 1
    assert all(set(word) == {"text", "raw", "box", "confidence"} and word["raw"] for word in page["words"])
    assert all(0 <= x0 <= x1 <= 1 and 0 <= y0 <= y1 <= 1 for x0, y0, x1, y1 in (word["box"] for word in page["words"]))
    assert answer["rendition"]["pdfa"] in {"2b", "none"} and set(answer["rendition"]) == {"pdfa", "reason"}
    shown = subprocess.run(["pdftotext", str(pdf), "-"], capture_output=True, text=True, check=True).stdout
    assert page["words"][0]["text"] in shown


def test_a_long_file_is_read_in_chunks_side_by_side_and_numbered_through(letter: Path, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    long = many(letter, 19)
    reading = read_file(Box(BoxSettings()), long, ReadOrder(), tmp_path, 2, lambda done, total: told.append((done, total)))
    assert [page.number for page in reading.pages] == list(range(1, 20))
    assert told == [(5, 19), (10, 19), (15, 19), (19, 19)]  # as many chunks for each core
    assert {page.text for page in reading.pages} == {reading.pages[0].text}


def test_a_mail_is_read_with_its_attachment(letter: Path, tmp_path: Path) -> None:
    mail = EmailMessage()
    mail["From"], mail["Subject"] = "erika@example.org", "Hecke"
    mail.set_content("Bitte schneiden Sie die Hecke.")
    mail.add_attachment(letter.read_bytes(), maintype="application", subtype="pdf", filename="brief.pdf")
    path = tmp_path / "post.eml"
    path.write_bytes(bytes(mail))
    reading = read_file(Box(BoxSettings()), path, ReadOrder(), tmp_path, 1, lambda *_: None)
    assert [place for place in reading.places] == [(0, 1), (1, 1)]
    assert "Hecke" in reading.pages[0].text and "Mittelau" in reading.pages[1].text


@pytest.mark.parametrize(("make", "sentence"), [
    (lambda path: path.write_bytes(b""), "leer"),
    (lambda path: path.write_bytes(b"MZ" + bytes(200)), "ausführbaren"),
])
def test_what_gives_no_pages_is_said_in_german_with_exit_code_2(
        tmp_path: Path, make: Callable[[Path], object], sentence: str, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "x.pdf"
    make(path)
    assert cli.run(["read", str(path)]) == 2
    assert sentence in capfd.readouterr().err


def test_an_encrypted_file_says_what_to_do(letter: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "zu.pdf"
    with pikepdf.open(letter) as pdf:
        pdf.save(path, encryption=pikepdf.Encryption(owner="o", user="u"))
    assert cli.run(["read", str(path)]) == 2
    assert "Kennwort" in capfd.readouterr().err
    with pytest.raises(InputError):
        read_file(Box(BoxSettings()), path, ReadOrder(), tmp_path, 1, lambda *_: None)


def test_a_file_that_is_not_there_is_a_wrong_command_line(tmp_path: Path) -> None:
    assert cli.run(["read", str(tmp_path / "nichts.pdf")]) == 2


def test_an_installation_named_wrongly_is_a_configuration_error(letter: Path, tmp_path: Path) -> None:
    assert cli.run(["read", str(letter), "--home", str(tmp_path / "none")]) == 4


@pytest.mark.parametrize(("pages", "cores", "size"), [
    (10, 2, 5), (9, 1, 5), (8, 1, 8), (500, 2, 8), (20, 2, 5), (3, 4, 1), (1, 2, 1)])
def test_each_core_gets_as_many_chunks(pages: int, cores: int, size: int) -> None:
    assert even(pages, 8, cores) == size
