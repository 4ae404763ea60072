"""efile export, import and transfer-note, aktenplan export as xdomea, handover ls: by the command line, on real installations."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from intake.cli import run
from intake.config import load
from intake.db.core import Database
from intake.schema import documents, page_reads


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An installation with one scanned letter in an Akte and a hot folder as target."""
    root = tmp_path_factory.mktemp("stadt")
    home = root / "home"
    assert run(["init", str(home), "--tenant", "mittelau"]) == 0
    (root / "heiss").mkdir()
    settings = home / "poststelle.toml"
    text = settings.read_text(encoding="utf-8").replace("# settle_seconds = 10.0", "settle_seconds = 0.1").replace(
        '# operator = ""', 'operator = "kms"').replace('# scanner = ""', 'scanner = "Kodak"')
    target = (
        '[[tenant.handover]]\nname = "dms"\nclasses = ["allgemein", "Steuer"]\n'
        f'folder = "{root / "heiss"}"\ndelay_minutes = 0\n')
    settings.write_text(f"{text}\n{target}", encoding="utf-8")
    page = Image.new("L", (1240, 1754), 255)
    ImageDraw.Draw(page).text((200, 300), "Abmeldung eines Hundes", fill=0, font_size=60)
    page.save(home / "eingang" / "scanner" / "brief.png", dpi=(150, 150))
    assert run(["work", "--until-idle", "--home", str(home)]) == 0
    assert run(["review", "approve", number(home), "--entry", "922", "--by", "kms", "--home", str(home)]) == 0
    assert run(["work", "--until-idle", "--home", str(home)]) == 0
    return home


def number(home: Path) -> str:
    db = Database(load(home).database_url)
    with db.read() as conn:
        found = conn.execute(documents.select()).one().id
    db.close()
    return str(found)[-8:]


def test_the_transfer_note(town: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target, plain = tmp_path / "note.pdf", tmp_path / "note.json"
    assert run(["efile", "transfer-note", number(town), "--pdf", str(target), "--json", str(plain), "--home", str(town)]) == 0
    said = capsys.readouterr().out
    assert "stimmen" in said and "Verfahrensdokumentation mit Fassung" in said, "what is missing is said"
    assert json.loads(plain.read_text(encoding="utf-8"))["Scanbediener"] == "kms" and target.read_bytes()[:5] == b"%PDF-"
    (note,) = (town / "akten").rglob("*Transfervermerk*.json")
    assert note.read_bytes() == plain.read_bytes()


def test_out_and_into_an_empty_town(town: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    package, other = tmp_path / "alles.zip", tmp_path / "zwei"
    assert run(["efile", "export", str(package), "--home", str(town)]) == 2, "what?"
    assert run(["efile", "export", str(package), "--all", "--home", str(town)]) == 0
    assert run(["efile", "import", str(package), "--show", "--home", str(town)]) == 0
    assert "Abgabe.Abgabe.0401" in capsys.readouterr().out
    assert run(["efile", "import", str(package), "--home", str(town)]) == 2, "it is not empty"
    assert run(["init", str(other), "--tenant", "mittelau", "--empty"]) == 0
    assert run(["efile", "import", str(package), "--by", "kms", "--home", str(other)]) == 0
    assert run(["work", "--until-idle", "--home", str(other)]) == 0
    assert run(["verify", "--home", str(other)]) == 0
    same = [sorted(path.name for path in (home / "akten").rglob("*.*") if path.name[0] != ".") for home in (town, other)]
    assert same[0] == same[1] and len(same[0]) == 4
    db = Database(load(other).database_url)
    with db.read() as conn:
        assert len(conn.execute(page_reads.select()).all()) == 1, "its page is read, so that it can be shown and found"
    db.close()
    assert run(["efile", "transfer-note", number(other), "--home", str(other)]) == 0


def test_the_plan_as_xdomea(town: Path, tmp_path: Path) -> None:
    plan = tmp_path / "plan.xml"
    assert run(["aktenplan", "export", str(plan), "--home", str(town)]) == 0
    assert b"Aktenplan.Aktenplan.0301" in plan.read_bytes()
    assert run(["aktenplan", "import", str(plan), "--by", "kms", "--home", str(town)]) == 0


def test_what_is_handed_over(town: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = town.parent / "heiss"
    assert len(list(folder.glob("*.done"))) == 1 and len(list(folder.glob("*.daten.xml"))) == 1
    assert run(["handover", "ls", "--home", str(town)]) == 0
    assert "wartet" in capsys.readouterr().out
