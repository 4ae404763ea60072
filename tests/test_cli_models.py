"""`poststelle model` and the blind audit on the command line."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from test_learning import PLAN, TENANT, TEXTS, arrived, decided, room  # noqa: F401  the fixture

from intake import postroom
from intake.cli import run
from intake.cli.installation import create
from intake.db.documents import get_document
from intake.db.forecasts import BUDGET, Forecast, put_forecast
from intake.pipeline import Postroom


@pytest.fixture
def said(room: Postroom, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,  # noqa: F811
         capsys: pytest.CaptureFixture[str]) -> object:
    """Runs a command on the room of the test: (exit code, output)."""
    if room.db.dialect != "sqlite":
        pytest.skip("the command line is tried on one database")
    home = tmp_path / "home"
    create(home, TENANT)
    monkeypatch.setattr(postroom, "build", lambda _home: room)
    monkeypatch.setattr(room.db, "close", lambda: None)
    capsys.readouterr()

    def command(*words: str) -> tuple[int, str]:
        code = run(["--home", str(home), *words])
        shown = capsys.readouterr()
        return code, shown.out + shown.err

    return command


def test_from_the_first_decision_to_a_rollback(said, room: Postroom, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]  # noqa: F811
    assert said("model", "train")[0] == 2 and said("model", "rollback")[0] == 2
    code, shown = said("model", "show")
    assert code == 0 and "Noch keine Fassung" in shown and "ausgeschaltet" in shown and "267 blind geprüfte" in shown
    for entry, text in TEXTS.items():
        decided(room, text, entry)
    code, shown = said("model", "train", "--by", "kms")
    assert code == 0 and "Fassung 1 aus 3 Entscheidungen" in shown and "ab sofort benutzt" in shown
    decided(room, "Unsere Katze jagt Vögel am Teich", "e-tree")
    assert said("model", "train")[0] == 0
    code, shown = said("model", "compare", "1", "2")
    assert code == 0 and "von 4 Schriftstücken verschieden" in shown
    assert "wieder Fassung 1" in said("model", "rollback")[1]
    numbers = json.loads(said("model", "show", "--json")[1])
    assert numbers["used"] == "1" and numbers["versions"] == ["1", "2"] and numbers["scopes"][0]["missing"] == 267
    assert said("model", "use", "7")[0] == 2 and said("model", "use", "-")[0] == 0
    assert json.loads(said("model", "show", "--json")[1])["used"] == ""
    out = tmp_path / "out.jsonl.gz"
    assert said("model", "export-training", str(out), "--what", "filing")[0] == 0
    with gzip.open(out, "rt", encoding="utf-8") as file:
        lines = [json.loads(line) for line in file]
    assert [line["label"] for line in lines] == [*TEXTS, "e-tree"] and all(line["text"] and line["date"] for line in lines)


def test_the_place_of_an_audited_document_is_hidden(said, room: Postroom,  # type: ignore[no-untyped-def]  # noqa: F811
                                                    monkeypatch: pytest.MonkeyPatch) -> None:
    decided(room, TEXTS["e-dog"], "e-dog")
    document = arrived(room, "Noch ein Dackel ist verstorben, bitte abmelden.")
    monkeypatch.setattr("intake.cli.desk.common.database", lambda _home: _Open(room))
    assert PLAN[0].title in said("review", "ls")[1]
    with room.db.transaction() as tx:
        put_forecast(tx, TENANT, Forecast(document, BUDGET, "model:filing@0+1", "e-dog", "", 0.99, audit=True))
    for words in (("review", "ls"), ("review", "show", document)):
        code, shown = said(*words)
        assert code == 0 and "Stichprobe" in shown and PLAN[0].title not in shown
    code, shown = said("review", "approve", document, "--by", "kms")
    assert code == 2 and "Stichprobe" in shown
    assert said("review", "approve", document, "--by", "kms", "--entry", "962.10")[0] == 0
    with room.db.read() as conn:
        assert get_document(conn, document).state == "APPROVED"


class _Open:
    def __init__(self, made: Postroom) -> None:
        self.made = made

    def __enter__(self) -> object:
        return self.made.db

    def __exit__(self, *_: object) -> None:
        return None
