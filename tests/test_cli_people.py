"""user: invite, list, change, lock, a new link; the link works at the screens."""

from __future__ import annotations

from pathlib import Path

import pytest

from intake.cli import run
from intake.config import load
from intake.db.core import Database, utcnow
from intake.db.sessions import link_of
from intake.db.users import grant_of, user_by_login
from intake.vocabulary import Role


@pytest.fixture
def home(tmp_path: Path) -> Path:
    root = tmp_path / "home"
    assert run(["init", str(root)]) == 0
    return root


def user(home: Path, *arguments: str) -> int:
    return run(["--home", str(home), "user", *arguments, *(["--by", "kms"] if arguments[0] != "ls" else [])])


def test_somebody_is_invited_and_gets_a_link(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert user(home, "new", "anna", "--name", "Anna Muster", "--role", "sachbearbeitung", "--office", "Bauamt") == 0
    link = capsys.readouterr().out.splitlines()[-1]
    assert link.startswith("http://127.0.0.1:8632/einrichten/")
    db = Database(load(home).database_url)
    with db.read() as conn:
        made = user_by_login(conn, "anna")
        assert made and link_of(conn, "setup", link.rsplit("/", 1)[1], utcnow())
        given = grant_of(conn, "mittelau", made.id)
        assert given and given.roles == {Role.SACHBEARBEITUNG} and given.offices == ("Bauamt",)
        assert given.classes == {"Poststelle", "allgemein"}
    assert user(home, "ls") == 0 and "eingeladen" in capsys.readouterr().out
    assert user(home, "set", "anna", "--role", "leitung", "--class", "alle") == 0
    assert user(home, "lock", "anna") == 0 and user(home, "ls") == 0 and "gesperrt" in capsys.readouterr().out
    assert user(home, "unlock", "anna") == 0 and user(home, "link", "anna") == 0
    newer = capsys.readouterr().out.splitlines()[-1]
    with db.read() as conn:
        assert newer != link and link_of(conn, "setup", link.rsplit("/", 1)[1], utcnow()) is None
        changed = grant_of(conn, "mittelau", made.id)
        assert changed and changed.roles == {Role.LEITUNG} and changed.classes is None
    db.close()


@pytest.mark.parametrize(("arguments", "says"), [
    (("new", "anna"), "Welche Rolle?"), (("link", "niemand"), "gibt es nicht"),
    (("new", "mit leer", "--role", "leitung"), "Leerzeichen"), (("new", "", "--role", "leitung"), "Anmeldename")])
def test_what_is_not_clear_is_asked(
        home: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], says: str) -> None:
    assert user(home, *arguments) == 2 and says in capsys.readouterr().err


def test_the_address_people_use_stands_in_the_link(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = home / "poststelle.toml"
    path.write_text(path.read_text().replace('# address = ""', 'address = "https://post.example.de"'))
    assert user(home, "new", "anna", "--role", "leitung") == 0
    assert "https://post.example.de/einrichten/" in capsys.readouterr().out
