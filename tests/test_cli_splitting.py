"""poststelle split and poststelle separators: what a person types and gets."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pypdfium2
import pytest
from drawn import LETTER, scanned, written
from test_cli import Said, _clean_environment, _made, home, poststelle, waiting, with_rows  # noqa: F401  fixtures  # noqa: F401  fixtures
from test_sheetpdf import page_of, picture

from intake import postroom
from intake.cli import run
from intake.cli.splitting import pages_in_words
from intake.db.core import Tx
from intake.schema import documents
from intake.sheetcode import SheetCode, decode
from intake.sheetpdf import Printed, draw
from intake.vocabulary import Document, Page, Stack, Start

AKTE = "BA/632.60-0017/2026"


def by_first_line(pages: Sequence[Page]) -> Stack:
    """A boundary for tests: a document begins where "Gemeinde Mittelau" stands on top."""
    found = [0.9 if page.text.startswith("Gemeinde Mittelau") else 0.02 for page in pages]
    firsts = tuple(place for place, one in enumerate(found) if place == 0 or one > 0.5)
    return Stack(tuple(Start(one, ("neuer Briefkopf",)) for one in found), firsts, 0.8)


def text_of(path: Path) -> str:
    pdf = pypdfium2.PdfDocument(path)
    found = "\n".join(page.get_textpage().get_text_range() for page in pdf)
    pdf.close()
    return found


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A black and white scan of two letters, the first of two pages, then a printed Leitbeleg and a page behind it."""
    folder = tmp_path_factory.mktemp("stack")
    draw([Printed(SheetCode("1", "file", "mittelau", "632.60", AKTE), "Neubau")], "Amt Mittelau", folder / "leitbeleg.pdf")
    second = ("und schließlich bitten wir Sie, uns den Empfang kurz zu bestätigen.", "Mit freundlichen Grüßen", "Schröder")
    pages = [written(LETTER), written(second), written(LETTER), picture(folder / "leitbeleg.pdf", 0, 200), written(second)]
    path = folder / "stapel.tif"
    scans = [scanned(page, number, skew=0.3, bitonal=True) for number, page in enumerate(pages)]
    scans[0].save(path, save_all=True, append_images=scans[1:], dpi=(200, 200))
    return path


def test_split_writes_json_for_machines_and_a_table_for_people(
        stack: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postroom, "boundary", lambda own: by_first_line)
    monkeypatch.chdir(tmp_path)
    assert run(["split", str(stack), "--json", "out.json"]) == 0
    found = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert [(one["first_page"], one["last_page"]) for one in found] == [(1, 2), (3, 3), (5, 5)]
    assert all(set(one) == {"first_page", "last_page", "probability", "evidence"} for one in found)
    assert found[1]["evidence"] == ["neuer Briefkopf"] and 0.85 < found[1]["probability"] < 0.91
    assert found[2]["evidence"] == [f"Leitbeleg auf Seite 4: {AKTE}"] and found[2]["probability"] == 1.0
    capsys.readouterr()
    assert run(["split", str(stack), "--boundaries", "off"]) == 0
    shown = capsys.readouterr().out
    assert "1-3" in shown and AKTE in shown and "Trennblätter: 4" in shown


def test_split_with_an_unknown_profile_is_a_sentence(stack: Path, poststelle: Said) -> None:  # noqa: F811
    assert "gibt es nicht" in poststelle("split", stack, "--profile", "keines", code=2)


def test_runs_of_pages_are_drawn_together() -> None:
    assert [pages_in_words(pages) for pages in ((1,), (1, 2, 3), (1, 3), (1, 2, 4, 5, 7))] == ["1", "1-3", "1, 3", "1-2, 4-5, 7"]


def test_sheets_are_printed_with_the_tenants_own_code(poststelle: Said, tmp_path: Path) -> None:  # noqa: F811
    out = tmp_path / "blatt.pdf"
    assert "3 Trennblätter" in poststelle("separators", "print", "--count", 3, "--pdf", out)
    pdf = pypdfium2.PdfDocument(out)
    assert len(pdf) == 3
    pdf.close()
    marks = page_of(picture(out, 2, 200)).separators
    code = next(decode(mark.payload, "mittelau") for mark in marks if mark.kind == "qr")
    assert isinstance(code, SheetCode) and code.tenant == "mittelau" and code.begins == "document"
    assert len({line for line in text_of(out).splitlines() if "ID=" in line}) == 3, "each sheet has an id of its own"


def test_leitbelege_from_a_list_name_what_is_not_known(poststelle: Said, tmp_path: Path) -> None:  # noqa: F811
    liste, out = tmp_path / "akten.csv", tmp_path / "leit.pdf"
    liste.write_text("Aktenzeichen;Titel;Kennzeichen\nBA/652.30-0001/2026;;652.30\nXY/1;Altakte Müller;\n", encoding="utf-8")
    said = poststelle("separators", "print", "--files", liste, "--pdf", out)
    assert "2 Leitbelege" in said and "XY/1" in said and "noch nicht" in said
    text = text_of(out)
    assert "Altakte Müller" in text and "652.30" in text and "T=A" in text


@pytest.mark.parametrize(("arguments", "word"), [
    (("--files", "akten.csv", "--batch"), "Liste"), (("--file", "x" * 200), "zu lang"), (("--files", "leer.csv"), "0 Akten")])
def test_nonsense_is_a_sentence(poststelle: Said, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,  # noqa: F811
                                arguments: tuple[str, ...], word: str) -> None:
    monkeypatch.chdir(tmp_path)
    Path("akten.csv").write_text("Aktenzeichen\nBA/1\n", encoding="utf-8")
    Path("leer.csv").write_text("Aktenzeichen;Titel\n;ohne\n", encoding="utf-8")
    assert word in poststelle("separators", "print", *arguments, "--pdf", "aus.pdf", code=2)
    assert not Path("aus.pdf").exists()


def test_review_shows_the_doubt(home: Path, poststelle: Said, waiting: Document) -> None:  # noqa: F811
    doubt = "Schnitt unsicher (vor Seite 1), 0,62: neuer Briefkopf"

    def doubtful(tx: Tx) -> None:
        tx.connection.execute(documents.update().where(documents.c.id == waiting.id).values(
            cut_by="model:boundary@1", cut={"probability": 0.62, "evidence": ["neuer Briefkopf"], "marks": [doubt],
                                            "doubtful": True, "says": [["file", "BA/1", 3]]}))

    with_rows(home, doubtful)
    assert "Schnitt unsicher" in " ".join(poststelle("review", "ls", "--all").split())
    shown = " ".join(poststelle("review", "show", waiting.id).split())
    assert "neuer Briefkopf (0,62) (model:boundary@1)" in shown and doubt in shown and "Trennblatt auf Seite 3: BA/1" in shown
