"""efile on the command line: what is shown, opened, closed, moved, due, and what is said when it does not go."""

from __future__ import annotations

from pathlib import Path

import pytest
from review_help import delivery
from test_filing import file_it

from intake import review
from intake.blobs import Blobs
from intake.cli import run
from intake.config import load
from intake.db.core import Database, new_id
from intake.db.deliveries import add_delivery, add_parts, move_delivery
from intake.db.documents import add_document, get_document, move_document
from intake.vocabulary import Cut, DeliveryState, Document, DocumentState, PageRef, Part


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("efile") / "home"
    assert run(["init", str(made), "--tenant", "mittelau"]) == 0
    return made


def say(home: Path, *words: str) -> int:
    return run(["--home", str(home), "efile", *words])


def one_filed(home: Path, notation: str) -> str:
    """The id of a document filed in a new Akte."""
    settings = load(home)
    db, blobs = Database(settings.database_url), Blobs(settings.blobs("mittelau"))
    new, id = delivery(), new_id()
    with db.transaction() as tx:
        add_delivery(tx, new)
        add_parts(tx, new.id, new.tenant, [Part(new.id, 0, None, new.original, 1)])
        add_document(tx, Document(id, new.tenant, new.id, (PageRef(0, 1),)), 0, Cut("rule:test@1"))
        move_delivery(tx, new, DeliveryState.OPENED)
        seen = move_document(tx, get_document(tx.connection, id), DocumentState.PROPOSED)
        review.approve(tx, id, seen.revision, "kms", {"entry": notation, "title": "Brief", "file_title": "Xylophon"})
    file_it(db, blobs, id, settings.settings.tenant[0])
    db.close()
    return id


def test_from_opening_to_moving(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert say(home, "ls", "qqq") == 0 and "Keine Akte" in capsys.readouterr().out
    assert say(home, "open", "Hund Bello", "--entry", "922.10", "--by", "kms") == 0
    said = capsys.readouterr().out
    reference = said.split()[1]
    assert reference in said and say(home, "open", "Mahnung", "--file", reference, "--by", "kms") == 0
    assert say(home, "rename", reference, "Hund Rex", "--by", "kms") == 0
    document = one_filed(home, "652.30")
    capsys.readouterr()
    assert say(home, "move", document[-8:], "--to", reference, "--case", "001", "--by", "kms") == 0
    assert say(home, "show", reference) == 0
    said = capsys.readouterr().out
    assert all(word in said for word in ("Hund Rex", "Mahnung", "Brief", document[-8:], "922.10"))
    assert say(home, "show", document[-8:]) == 0 and capsys.readouterr().out.count(document[-8:]) == 1
    assert say(home, "ls", "xylo") == 0 and "Xylophon" in capsys.readouterr().out
    assert say(home, "move", reference, "--entry", "922.20", "--renumber", "--by", "kms") == 0
    assert "/922.20-" in capsys.readouterr().out.replace(" ", "")


def test_zda_and_what_is_due(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert say(home, "open", "Hund", "--entry", "922.10", "--reference", "H 1", "--by", "kms") == 0
    assert say(home, "close", "H 1", "--by", "kms") == 0
    assert say(home, "due") == 0 and "keine Aufbewahrungsfrist" in capsys.readouterr().out
    assert say(home, "due", "--on", "1.1.2099") == 0 and "H 1" in capsys.readouterr().out
    assert say(home, "ls", "--open") == 0 and "H 1" not in capsys.readouterr().out
    assert say(home, "close", "H 1", "--reopen", "--by", "kms") == 0
    assert say(home, "ls", "--open", "--entry", "922.10") == 0 and "H 1" in capsys.readouterr().out


@pytest.mark.parametrize(("words", "match"), [
    (("open", "x"), "entweder"), (("move", "x"), "entweder"), (("show", "X 1"), "keine Nummer"),
    (("close", "X 1"), "gibt es nicht"), (("due", "--on", "morgen"), "kein Datum"), (("ls", "--entry", "zzz"), "Kennzeichen"),
    (("move", "ABCDEFGH", "--entry", "922.10"), "Keine Nummer")])
def test_what_does_not_go_says_what_to_do(home: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...],
                                          match: str) -> None:
    assert say(home, *words, *(("--by", "kms") if words[0] in ("open", "move", "close") else ())) == 2
    assert match in capsys.readouterr().err
