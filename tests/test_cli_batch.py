"""The commands over a batch of old files, in a real installation with the real box."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from intake import cli
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
