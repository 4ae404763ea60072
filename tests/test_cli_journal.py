"""poststelle journal and verify, as somebody types them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import text

from intake.cli import run
from intake.cli.installation import create
from intake.cli.journal import VERIFIER
from intake.config import Home, load
from intake.db.core import Database
from intake.journal import record


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """An installation that publishes to a file outside it, with three entries about a document, as if one had come."""
    created = create(tmp_path / "haus", "mittelau", empty=True)
    toml = created.root / "poststelle.toml"
    toml.write_text(toml.read_text().replace('# heads = ""', f'heads = "{tmp_path / "stand.txt"}"'))
    monkeypatch.setenv("POSTSTELLE_HOME", str(created.root))
    database = Database(created.database_url)
    with database.transaction() as tx:
        for name in ("Erika", "Otto", "Ida"):
            record(tx, "mittelau", "clerk:kms", "token.new", subjects={"token": "t1"}, new={"name": name})
    database.close()
    return load(created.root)


def change(home: Home, statement: str) -> None:
    database = Database(home.database_url)
    with database.transaction() as tx:
        tx.connection.execute(text(statement))
    database.close()


def test_publish_verify_export(home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["journal", "verify"]) == 0
    assert "Nichts ist veröffentlicht" in capsys.readouterr().out
    assert run(["journal", "publish"]) == 0
    assert "1 neue Zeilen" in capsys.readouterr().out
    assert run(["journal", "publish"]) == 0 and run(["journal", "verify"]) == 0 and run(["verify"]) == 0
    said = capsys.readouterr().out
    assert "verglichen mit 1 veröffentlichten" in said and "heads 1" in said
    out = tmp_path / "p.jsonl"
    assert run(["journal", "export", str(out)]) == 0
    assert str(VERIFIER) in capsys.readouterr().out and "Erika" not in out.read_text()
    assert run(["journal", "export", str(out), "--values"]) == 0 and "Erika" in out.read_text()
    command = [sys.executable, "-I", VERIFIER, out, tmp_path / "stand.txt"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "belegt bis Eintrag 3" in done.stdout


def test_a_cut_tail_is_found(home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(["journal", "publish"])
    change(home, "DELETE FROM journal WHERE seq = 3")
    change(home, "DELETE FROM journal_subjects WHERE seq = 3")
    change(home, "DELETE FROM journal_values WHERE seq = 3")
    change(home, "UPDATE journal_heads SET seq = 2, hash = (SELECT hash FROM journal WHERE seq = 2)")
    capsys.readouterr()
    assert run(["journal", "verify"]) == 2
    assert "Eintrag 3 wurde veröffentlicht und fehlt." in capsys.readouterr().out
    assert run(["verify", "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["faults"][0]["kind"] == "journal"
    assert run(["journal", "publish"]) == 2 and run(["journal", "publish", "--restored"]) == 2
    spare = tmp_path / "kopie.txt"
    (tmp_path / "stand.txt").rename(spare)
    assert run(["journal", "verify"]) == 2, "the database remembers that it published there"
    change(home, "DELETE FROM published_heads")
    assert run(["journal", "verify"]) == 0, "this is why it lies where the same people cannot write"
    assert run(["journal", "verify", "--heads", str(spare)]) == 2


def test_show_and_forget(home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("intake.cli.journal.id_by_ending", lambda _conn, _viewer, _ending, _kind: "t1")
    assert run(["journal", "show", "2"]) == 0
    assert "Otto" in capsys.readouterr().out
    assert run(["journal", "forget", "t1"]) == 0
    assert "Zu 3 Einträgen" in capsys.readouterr().out
    assert run(["journal", "forget", "t1", "--yes", "--by", "dsb"]) == 0
    assert run(["journal", "show", "2"]) == 0
    assert "(Angaben gelöscht)" in capsys.readouterr().out
    assert run(["journal", "show", "4"]) == 0 and "journal.forgotten" in capsys.readouterr().out
    assert run(["journal", "verify"]) == 0


def test_where_to(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    toml = home.root / "poststelle.toml"
    toml.write_text(toml.read_text().replace("\nheads = ", "\n# heads = "))
    assert run(["journal", "publish"]) == 4 and "[journal] heads" in capsys.readouterr().err
    assert run(["journal", "publish", "--mail"]) == 4 and "[smtp]" in capsys.readouterr().err
