"""The commands over a batch of old files, in a real installation with the real box."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from intake import cli, feeder
from intake.cli import batch
from intake.db.core import utcnow
from samples.letters import born_digital

MASTER = "Aktenzeichen;Titel\nA/1;eins\nA/2;zwei\n"


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An installation in which a batch of two files ran to its end."""
    root = tmp_path_factory.mktemp("batch")
    home, disk = root / "home", root / "disk"
    for number, akte in enumerate(("A_1", "A_9"), start=1):
        (disk / akte).mkdir(parents=True)
        born_digital(disk / akte / "akte.pdf", number)
    (root / "akten.csv").write_text(MASTER, encoding="utf-8")
    assert cli.run(["init", str(home)]) == 0
    settings = home / "poststelle.toml"
    text = settings.read_text(encoding="utf-8").replace('# pattern = ""', 'pattern = "^(?P<akte>[^/]+)/"')
    settings.write_text(text, encoding="utf-8")
    assert run(home, "batch", "new", "los", str(disk), "--master", str(root / "akten.csv")) == 0
    assert run(home, "batch", "run", "los") == 0
    return home


def run(home: Path, *arguments: str) -> int:
    return cli.run(["--home", str(home), *arguments])


def said(capsys: pytest.CaptureFixture[str]) -> str:
    return " ".join(capsys.readouterr().out.split())


def test_the_status_says_how_far_it_is_and_what_is_left(done: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(done, "batch", "status", "los", "--json") == 0
    status = json.loads(capsys.readouterr().out)
    assert (status["items"], status["opened"], status["waiting"]) == (2, 2, 0) and status["pages"] >= 2
    assert any("Noch nicht abgelegt" in sentence for sentence in status["obstacles"])
    assert run(done, "batch", "status", "los") == 0
    assert "2 von 2 gelesen" in said(capsys)
    assert run(done, "batch", "ls") == 0
    assert "los" in said(capsys)


def test_differences_are_told_and_decided_one_by_one_and_by_kind(done: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(done, "batch", "differences", "los", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert {(one["kind"], one["subject"]) for one in found} == {("missing", "A/2"), ("extra", "A/9")}
    missing = next(one["id"] for one in found if one["kind"] == "missing")
    assert run(done, "batch", "decide", "los", missing[-8:], "egal") == 2
    assert run(done, "batch", "decide", "los", "alle", "accepted") == 2, "all of which kind?"
    assert run(done, "batch", "decide", "los", missing[-8:], "lost", "--note", "verbrannt") == 0
    assert run(done, "batch", "decide", "los", "alle", "accepted", "--kind", "extra") == 0
    capsys.readouterr()
    assert run(done, "batch", "differences", "los") == 0
    assert "endgültig nicht vorhanden" in said(capsys)


def test_what_is_not_finished_does_not_close_and_unknown_names_are_told(done: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(done, "batch", "close", "los") == 2
    assert run(done, "batch", "status", "anderes") == 2
    assert run(done, "batch", "sample", "los") == 2
    assert run(done, "batch", "release", "los", "--pdf", str(done / "x.pdf")) == 2
    assert "noch nicht" in " ".join(capsys.readouterr().err.split())
    assert not (done / "x.pdf").exists()


def test_a_report_can_be_printed_at_any_time(done: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(done, "batch", "report", "los", "--pdf", str(done / "bericht.pdf")) == 0
    assert (done / "bericht.pdf").read_bytes()[:5] == b"%PDF-"
    assert "A/9" in (done / "bericht.csv").read_text(encoding="utf-8-sig")
    assert "Geschrieben" in said(capsys)


def test_pause_and_run_again(done: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(done, "batch", "pause", "los") == 0
    assert run(done, "batch", "pause", "los") == 2
    assert run(done, "batch", "run", "los") == 0
    assert "los" in said(capsys)


def test_progress_is_counted_for_a_terminal_alone(
        done: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    counted = []
    monkeypatch.setattr(feeder, "_counts", lambda _feeder: counted.append("counts") or {})  # type: ignore[func-returns-value]
    monkeypatch.setattr(batch, "utcnow", lambda: counted.append("bar") or utcnow())  # type: ignore[func-returns-value]
    assert run(done, "batch", "run", "los") == 0 and counted == []
    assert "Schriftstücke" in said(capsys)
    monkeypatch.setenv("FORCE_COLOR", "1")  # what a terminal is to rich
    assert run(done, "batch", "run", "los") == 0 and {"counts", "bar"} <= set(counted)
    said(capsys)


def test_redo_shows_what_would_change_and_keeps_the_numbers(done: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(done, "batch", "redo", "los", "--what", "alles") == 2
    assert "split (neu trennen)" in " ".join(capsys.readouterr().err.split())
    assert run(done, "batch", "redo", "los", "--what", "split", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["looked"] == 2 and told["changes"] == [] and told["changed"] is None, "the same program cuts the same way"
    assert run(done, "batch", "redo", "los", "--what", "read", "--yes") == 0
    shown = said(capsys)
    assert "Nichts würde sich ändern." in shown and "0 Dateien neu lesen." in shown


def test_rescans_are_listed_with_their_folder(done: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(done, "batch", "rescans", "los") == 0
    shown = said(capsys)
    assert "noch keinen Nachscan" in shown and "eingang/bauakten/nachscan" in shown.replace(" ", "")


@pytest.mark.long
def test_a_printed_slip_scanned_with_its_sheet_replaces_the_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Printed, laid on the scanner a little askew, read in the box: the way people go."""
    import pypdfium2
    from PIL import Image, ImageFilter

    from intake import review
    from intake.config import load
    from intake.db import batches as lose
    from intake.db import rescans
    from intake.db.core import Database
    from intake.db.documents import documents_of

    home, disk = tmp_path / "home", tmp_path / "disk"
    (disk / "A_1").mkdir(parents=True)
    born_digital(disk / "A_1" / "akte.pdf", 1)
    born_digital(tmp_path / "neu.pdf", 2)
    assert cli.run(["init", str(home)]) == 0
    assert run(home, "batch", "new", "los", str(disk)) == 0 and run(home, "batch", "run", "los") == 0
    opened = load(home)
    db, town = Database(opened.database_url), opened.settings.tenant[0]
    with db.transaction() as tx:
        batch = lose.batch_named(tx.connection, town.name, "los")
        assert batch is not None
        document = documents_of(tx.connection, lose.items_of(tx.connection, batch.id)[0].delivery or "")[0]
        review.approve(tx, document.id, document.revision, "clerk:kms", {"entry": "632.60", "title": "Brief"})
    assert run(home, "work", "--until-idle") == 0 and run(home, "batch", "sample", "los") == 0
    assert run(home, "batch", "check", "los", document.id[-8:], "rescan", "--defect", "blur", "--page", "1", "--by", "qs") == 0
    assert run(home, "batch", "slips", "los", "--pdf", str(tmp_path / "zettel.pdf")) == 0

    def scanned(pdf: Path, askew: float) -> Image.Image:
        picture: Image.Image = pypdfium2.PdfDocument(pdf)[0].render(scale=200 / 72).to_pil().convert("L")
        return picture.rotate(askew, fillcolor=248).filter(ImageFilter.GaussianBlur(0.7))

    slip, sheet = scanned(tmp_path / "zettel.pdf", -0.9), scanned(tmp_path / "neu.pdf", 0.7)
    slip.save(opened.rescans(town.backfile[0]) / "scan0001.tif", save_all=True, dpi=(200, 200),
              append_images=[sheet, Image.new("L", sheet.size, 250)])
    assert run(home, "work", "--until-idle") == 0
    with db.read() as conn:
        (one,) = rescans.rescans_of(conn, batch.id)
        assert (one.kind, one.document, one.page, one.new_number) == ("replaced", document.id, 1, 2)
        assert lose.numbers(conn, batch).pages == 1 and lose.numbers(conn, batch).documents == {"FILED": 1}
    db.close()
    assert run(home, "verify") == 0
    capsys.readouterr()
