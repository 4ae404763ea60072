"""The command line: what a person types, reads and gets as exit code."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from intake.cli import common, installation, run
from intake.cli.installation import create
from intake.config import EXAMPLE_TENANT, load
from intake.db.core import Database, Tx, new_id
from intake.db.deliveries import get_delivery
from intake.db.documents import documents_of, get_document, move_document, put_proposals
from intake.db.problems import open_problem
from intake.errors import ConfigError
from intake.vocabulary import DeliveryState, Document, DocumentState, Evidence, Problem, Proposal
from tests.making import TENANT, opened, received

HERE = (Evidence("rule:test@1", 1, None, "Az. BA/652.30-0001/2026"),)
AKTE = "BA/652.30-0001/2026"


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("POSTSTELLE_")]:
        monkeypatch.delenv(name)


@pytest.fixture(scope="module")
def _made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("cli") / "home"
    create(root, TENANT)
    return root


@pytest.fixture
def home(_made: Path, tmp_path: Path) -> Path:
    """A fresh installation with the default plan and registers."""
    shutil.copytree(_made, tmp_path / "home")
    return tmp_path / "home"


Said = Callable[..., str]


@pytest.fixture
def poststelle(home: Path, capsys: pytest.CaptureFixture[str]) -> Said:
    """Type a command for `home`; gives what was printed and demands the exit code `code`."""
    def say(*arguments: object, code: int = 0) -> str:
        capsys.readouterr()
        found = run(["--home", str(home), *map(str, arguments)])
        shown = capsys.readouterr()
        assert found == code, shown.out + shown.err
        return shown.out + shown.err
    return say


def with_rows(home: Path, work: Callable[[Tx], object]) -> None:
    database = Database(f"sqlite:///{home}/poststelle.db")
    with database.transaction() as tx:
        work(tx)
    database.close()


def document_of(home: Path, document: str) -> Document:
    database = Database(f"sqlite:///{home}/poststelle.db")
    with database.read() as conn:
        found = get_document(conn, document)
    database.close()
    return found


@pytest.fixture
def waiting(home: Path) -> Document:
    """A document of three pages with proposals, beside one of one page, a separator and a blank page."""
    made: list[Document] = []

    def rows(tx: Tx) -> None:
        _, documents = opened(tx, received(tx), cuts=((1, 2, 3), (5,)), separators=(4,), blanks=(6,))
        for document in documents:
            put_proposals(tx, document.id, TENANT, [
                Proposal("entry", "ap-0333", 0.62, HERE), Proposal("title", "Laterne defekt", 0.8, HERE)])
        made.extend(documents)

    with_rows(home, rows)
    return made[0]


# ---- the frame ---------------------------------------------------------------------------------------------------------


def test_version_and_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out.startswith("poststelle ")
    assert run(["--help"]) == 0
    text = capsys.readouterr().out
    for command in ("init", "check", "work", "status", "verify", "aktenplan", "registers", "review", "clarify", "journal",
                    "demo"):
        assert command in text


@pytest.mark.parametrize("arguments", [
    ["bogus"], ["work", "--bogus"], ["review", "cut", "abc", "eins"], ["clarify", "resolve", "x"]])
def test_a_wrong_command_line_is_2(arguments: list[str]) -> None:
    assert run(arguments) == 2


def test_no_installation_is_4_and_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str],
                                              monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["status"]) == 4
    shown = capsys.readouterr().err
    assert "--home" in shown
    assert "Traceback" not in shown


def test_the_home_may_stand_anywhere(home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["--home", str(home), "status"]) == 0
    assert run(["status", "--home", str(home)]) == 0
    assert run(["status"]) == 4, "an option of an earlier call is not remembered"
    monkeypatch.setenv("POSTSTELLE_HOME", str(home))
    assert run(["status"]) == 0
    monkeypatch.delenv("POSTSTELLE_HOME")
    monkeypatch.chdir(home)
    assert run(["status"]) == 0


def test_a_bug_is_not_hidden(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def bug(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("intake.cli.running.counts", bug)
    with pytest.raises(ZeroDivisionError):
        run(["--home", str(home), "status"])


def test_the_console_script_ends_with_the_code(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-m", "intake.cli", "--home", str(tmp_path), "status"], capture_output=True, text=True,
                          check=False, encoding="utf-8")
    assert (done.returncode, done.stdout) == (4, "")
    assert "poststelle init" in done.stderr


# ---- init --------------------------------------------------------------------------------------------------------------


def test_init_makes_the_installation_of_the_house(tmp_path: Path) -> None:
    assert run(["init", str(tmp_path / "neu")]) == 0
    root = tmp_path / "neu"
    assert {path.name for path in root.iterdir() if not path.name.startswith("poststelle.db-")} == {
        "poststelle.toml", "poststelle.db", "secrets", "log", "store", "akten", "eingang", "register"}
    assert (root / "secrets").stat().st_mode & 0o777 == 0o700
    assert (root / "eingang" / "scanner" / "erledigt").is_dir()
    assert (root / "store" / TENANT / "blobs").is_dir()
    assert (root / "akten" / TENANT).is_dir()
    assert load(root).settings.tenant == (EXAMPLE_TENANT,)


def test_init_again_completes_and_changes_nothing(home: Path, poststelle: Said) -> None:
    toml = (home / "poststelle.toml").read_text(encoding="utf-8") + "\n# eigene Zeile\n"
    (home / "poststelle.toml").write_text(toml, encoding="utf-8")
    shutil.rmtree(home / "eingang")
    before = poststelle("journal", "ls")
    assert run(["init", str(home)]) == 0
    assert (home / "poststelle.toml").read_text(encoding="utf-8") == toml
    assert (home / "eingang" / "scanner" / "erledigt").is_dir()
    assert poststelle("journal", "ls") == before


def test_init_adds_a_tenant_with_its_own_plan(home: Path, poststelle: Said) -> None:
    assert run(["init", str(home), "--tenant", "neustadt"]) == 0
    settings = load(home).settings
    assert [tenant.name for tenant in settings.tenant] == [TENANT, "neustadt"]
    assert settings.tenant[1].profile[0].name == "neustadt-scanner"
    assert (home / "eingang" / "neustadt-scanner" / "erledigt").is_dir()
    poststelle("aktenplan", "show", "652.30", "--tenant", "neustadt")
    assert "--tenant" in poststelle("aktenplan", "ls", code=4), "with two tenants one must be named"


def test_init_empty_has_no_plan(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["init", str(tmp_path / "leer"), "--tenant", "neustadt", "--empty"]) == 0
    assert run(["--home", str(tmp_path / "leer"), "check"]) == 4
    assert "aktenplan import" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["Groß", "a b", "../x", "", "x" * 50])
def test_init_refuses_a_name_that_is_none(tmp_path: Path, name: str) -> None:
    assert run(["init", str(tmp_path / "neu"), "--tenant", name]) == 4
    assert not (tmp_path / "neu" / "poststelle.toml").exists()


def test_init_in_a_file_is_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "datei").touch()
    assert run(["init", str(tmp_path / "datei")]) == 4
    assert "keine Installation anlegen" in capsys.readouterr().err


# ---- status, verify, work ----------------------------------------------------------------------------------------------


def test_status_counts(poststelle: Said, waiting: Document) -> None:
    numbers = json.loads(poststelle("status", "--json"))
    assert set(numbers) == {"deliveries", "documents", "pages", "outcome", "oldest_waiting_s", "problems"}
    assert numbers["pages"] == {"live": 4, "separator": 1, "blank": 1, "replaced": 0, "double": 0, "aside": 0}
    assert numbers["documents"] == {"NEW": 2}
    shown = poststelle("status")
    assert "Trennblätter" in shown
    assert "Sendungen" in shown


def test_verify_is_0_when_whole_and_2_when_not(home: Path, poststelle: Said) -> None:
    assert json.loads(poststelle("verify", "--json"))["ok"] is True
    assert "Alles ist ganz" in poststelle("verify")
    (home / "store" / TENANT / "blobs" / "fremd.txt").touch()
    report = json.loads(poststelle("verify", "--json", code=2))
    assert [fault["kind"] for fault in report["faults"]] == ["stranger"]
    assert "fremd.txt" in poststelle("verify", code=2)


def test_a_missing_database_names_init(home: Path, poststelle: Said) -> None:
    (home / "poststelle.db").unlink()
    assert "poststelle init" in poststelle("status", code=4)


def test_work_until_idle_on_nothing_ends_at_once(home: Path) -> None:
    """In a process of its own: the engine is one per process."""
    done = subprocess.run([sys.executable, "-m", "intake.cli", "--home", str(home), "work", "--until-idle"], timeout=120,
                          capture_output=True, text=True, check=False, encoding="utf-8")
    assert (done.returncode, done.stderr) == (0, "")
    assert (home / "log" / "poststelle.log").is_file()


def test_work_ends_cleanly_on_sigterm(home: Path) -> None:
    with subprocess.Popen([sys.executable, "-m", "intake.cli", "--home", str(home), "work"], stderr=subprocess.PIPE) as process:
        deadline = time.monotonic() + 60
        while not (home / "engine.db").exists() and time.monotonic() < deadline:
            time.sleep(0.1)
        time.sleep(1)
        process.send_signal(signal.SIGTERM)
        try:
            _, said = process.communicate(timeout=30)
        finally:
            process.kill()
    assert process.returncode == 0, said
    assert b"Traceback" not in said


# ---- plan and registers ------------------------------------------------------------------------------------------------


def test_the_plan_goes_out_and_in_again(poststelle: Said, tmp_path: Path) -> None:
    assert "652.30" in poststelle("aktenplan", "ls", "Laterne")
    assert "Straßenbeleuchtung" in poststelle("aktenplan", "show", "652 30")
    poststelle("aktenplan", "export", tmp_path / "plan.csv")
    assert "0 neu, 0 geändert" in poststelle("aktenplan", "import", tmp_path / "plan.csv", "--by", "kms")
    assert "plan.imported" in poststelle("journal", "ls")


def test_a_double_notation_is_not_imported(poststelle: Said, tmp_path: Path) -> None:
    (tmp_path / "plan.csv").write_text("Kennzeichen;Titel\n1;Eins\n1;Noch einmal\n", encoding="utf-8")
    shown = poststelle("aktenplan", "import", tmp_path / "plan.csv", code=2)
    assert "steht mehrfach" in shown
    assert "652.30" in poststelle("aktenplan", "ls", "Laterne"), "the old plan stays"


def test_an_unknown_entry_is_refused(poststelle: Said) -> None:
    assert "gibt es nicht" in poststelle("aktenplan", "show", "999.99", code=2)
    assert "Kein Eintrag" in poststelle("aktenplan", "ls", "qqqqq")


@pytest.mark.parametrize("kind", ["files", "gemarkungen", "strassen", "kreditoren"])
def test_registers_go_out_and_in_again(poststelle: Said, tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"{kind}.csv"
    poststelle("registers", "export", kind, path)
    with path.open(encoding="utf-8", newline="") as file:
        assert len(list(csv.reader(file, delimiter=";"))) > 3
    assert "0 neu, 0 geändert, 0 geschlossen" in poststelle("registers", "import", kind, path, "--by", "kms")


def test_registers_are_shown_and_searched(poststelle: Said) -> None:
    assert "strassen" in poststelle("registers", "ls")
    shown = poststelle("registers", "show", "files", "Störungsmeldungen")
    assert AKTE in shown
    assert "BA/611" not in shown
    assert "weitere" in poststelle("registers", "show", "strassen", "--limit", "2")
    assert "Möglich sind" in poststelle("registers", "show", "autos", code=2)


def test_cases_are_imported_into_their_files(poststelle: Said, tmp_path: Path) -> None:
    (tmp_path / "cases.csv").write_text(
        f"file;reference;title;closed_on\n{AKTE};1;Mast 17;\nXX/1;2;Ohne Akte;\n", encoding="utf-8")
    shown = poststelle("registers", "import", "cases", tmp_path / "cases.csv", "--by", "kms")
    assert "1 neu" in shown
    assert "XX/1" in shown
    poststelle("registers", "export", "cases", tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text(encoding="utf-8") == f"file;reference;title;closed_on\n{AKTE};1;Mast 17;\n"


@pytest.mark.parametrize("command", [("aktenplan", "import"), ("registers", "import", "files")])
def test_a_file_that_is_not_there(poststelle: Said, command: tuple[str, ...]) -> None:
    assert "Traceback" not in poststelle(*command, "/gibt/es/nicht.csv", code=4)


def test_a_file_that_cannot_be_written(poststelle: Said, tmp_path: Path) -> None:
    assert "schreiben" in poststelle("aktenplan", "export", tmp_path, code=2)
    assert "schreiben" in poststelle("registers", "export", "files", tmp_path / "gibt" / "es" / "nicht.csv", code=2)


# ---- review ------------------------------------------------------------------------------------------------------------


def propose(home: Path, document: Document) -> str:
    """The document as the machine leaves it for a clerk; the end of its number."""
    with_rows(home, lambda tx: move_document(tx, get_document(tx.connection, document.id), DocumentState.PROPOSED))
    return document.id[-common.SHOWN:]


def test_what_ls_shows_is_accepted(home: Path, poststelle: Said, waiting: Document) -> None:
    number = propose(home, waiting)
    shown = poststelle("review", "ls")
    assert number in shown
    assert "Laterne defekt" in shown
    assert "652.30 Straßenbeleuchtung" in shown
    assert "(0,62)" in shown
    assert "Freigegeben" in poststelle("review", "approve", number.lower(), "--file", AKTE, "--by", "kms")
    assert document_of(home, waiting.id).state is DocumentState.APPROVED
    assert "Es wartet nichts" in poststelle("review", "ls")
    assert number in poststelle("review", "ls", "--all")


def test_approve_takes_values_and_refuses_nonsense(home: Path, poststelle: Said, waiting: Document) -> None:
    number = propose(home, waiting)
    assert "FELD=WERT" in poststelle("review", "approve", number, "--set", "ohne", code=2)
    assert "gibt es nicht" in poststelle("review", "approve", number, "--entry", "999", "--by", "kms", code=2)
    poststelle("review", "approve", number, "--entry", "652.30", "--title", "Lampe", "--set", "date=18.11.2025", "--by", "kms")
    assert "Lampe" in poststelle("review", "ls", "--all")
    assert "clerk:kms" in poststelle("journal", "ls", number)


def test_a_revision_that_is_past_is_3(home: Path, poststelle: Said, waiting: Document) -> None:
    number = propose(home, waiting)
    poststelle("review", "correct", number, "title", "Neuer Titel", "--page", "1", "--by", "kms")
    assert "inzwischen geändert" in poststelle("review", "approve", number, "--revision", "2", "--by", "kms", code=3)
    assert "Neuer Titel" in poststelle("review", "ls")


def test_cut_join_undo_by_hand(home: Path, poststelle: Said, waiting: Document) -> None:
    number = propose(home, waiting)
    made = [part.strip(" .\n") for part in poststelle("review", "cut", number, 2, 3, "--by", "kms").split("in ")[1].split(",")]
    assert len(made) == 3
    joined = poststelle("review", "join", made[1], made[2], "--by", "kms").split()[-1].strip(".")
    shown = poststelle("review", "undo", joined, "--by", "kms")
    assert "Rückgängig" in shown
    poststelle("review", "undo", made[0], "--by", "kms")
    assert document_of(home, waiting.id).state is DocumentState.PROPOSED
    assert len(document_of(home, waiting.id).pages) == 3


def test_rotate_reorder_set_aside_put_back(home: Path, poststelle: Said, waiting: Document) -> None:
    number = propose(home, waiting)
    poststelle("review", "rotate", number, 2, 90, "--by", "kms")
    poststelle("review", "reorder", number, 3, 1, 2, "--by", "kms")
    assert [(ref.number, ref.rotation) for ref in document_of(home, waiting.id).pages] == [(3, 0), (1, 0), (2, 90)]
    poststelle("review", "set-aside", number, 1, "--by", "kms")
    assert len(document_of(home, waiting.id).pages) == 2
    poststelle("review", "put-back", number, "--page", "0/4", "--by", "kms")
    assert 4 in [ref.number for ref in document_of(home, waiting.id).pages]
    assert "TEIL/SEITE" in poststelle("review", "put-back", number, "--page", "vier", code=2)
    made = poststelle("review", "page-as-document", waiting.delivery[-8:], "0/6", "--by", "kms")
    assert "Neues Schriftstück" in made


def test_attach_and_stand_alone(home: Path, poststelle: Said, waiting: Document) -> None:
    number = propose(home, waiting)
    database = Database(f"sqlite:///{home}/poststelle.db")
    with database.read() as conn:
        other = next(one.id for one in documents_of(conn, waiting.delivery) if one.id != waiting.id)
    database.close()
    assert "Anlage" in poststelle("review", "attach", other[-8:], "--to", number, "--by", "kms")
    assert document_of(home, other).parent == waiting.id
    assert "Eigenständig" in poststelle("review", "attach", other[-8:], "--by", "kms")
    assert document_of(home, other).parent is None


def test_clarify_and_resolve(home: Path, poststelle: Said, waiting: Document) -> None:
    number = propose(home, waiting)
    problem = poststelle("review", "clarify", number, "Welches Amt ist zuständig?", "--by", "kms").split()[-1].strip(".")
    shown = poststelle("clarify", "ls")
    assert problem in shown
    assert "Welches Amt" in shown
    assert "Möglich ist" in poststelle("clarify", "resolve", problem, "--how", "retry", "--by", "kms", code=2)
    poststelle("clarify", "resolve", problem, "--how", "close", "--note", "Bauamt", "--by", "kms")
    assert document_of(home, waiting.id).state is DocumentState.PROPOSED
    assert "nichts zu klären" in poststelle("clarify", "ls")


def test_reject_and_undo(home: Path, poststelle: Said, waiting: Document) -> None:
    number = propose(home, waiting)
    poststelle("review", "reject", number, "--by", "kms")
    assert document_of(home, waiting.id).state is DocumentState.REJECTED
    poststelle("review", "undo", number, "--by", "kms")
    assert document_of(home, waiting.id).state is DocumentState.PROPOSED


def test_approve_then_put_back(home: Path, poststelle: Said, waiting: Document) -> None:
    number = propose(home, waiting)
    poststelle("review", "approve", number, "--file", AKTE, "--by", "kms")
    poststelle("review", "put-back", number, "--by", "kms")
    assert document_of(home, waiting.id).state is DocumentState.PROPOSED


def test_a_twin_is_processed_anyway(home: Path, poststelle: Said) -> None:
    made: list[str] = []

    def rows(tx: Tx) -> None:
        first = received(tx)
        twin = received(tx, original=first.original, state=DeliveryState.TWIN, twin_of=first.id)
        made.append(twin.id)

    with_rows(home, rows)
    poststelle("review", "process-anyway", made[0][-8:], "--by", "kms")
    database = Database(f"sqlite:///{home}/poststelle.db")
    with database.read() as conn:
        assert get_delivery(conn, made[0]).state.value == "RECEIVED"
    database.close()


def test_the_journal_shows_an_entry_whole(poststelle: Said) -> None:
    shown = poststelle("journal", "show", 1)
    assert "plan.imported" in shown
    assert "Prüfsumme" in shown
    assert "gibt es nicht" in poststelle("journal", "show", 99, code=2)


def test_words_from_outside_cannot_write_on_the_screen(home: Path, poststelle: Said) -> None:
    evil = "\x1b]0;böse\x07[red]rot[/red]\u202eabc"
    with_rows(home, lambda tx: open_problem(tx, Problem(
        new_id(), TENANT, "source", "x", "receive", "unreadable", evil, "", ("close",), tx.now)))
    shown = poststelle("clarify", "ls")
    assert "[red]rot[/red]" in shown.replace("\n", "")
    assert not {"\x1b", "\x07", "\u202e"} & set(shown)


# ---- demo --------------------------------------------------------------------------------------------------------------


def test_the_demo_keeps_its_hands_off_other_folders(tmp_path: Path) -> None:
    (tmp_path / "wichtig.txt").touch()
    assert run(["demo", str(tmp_path)]) == 4
    assert (tmp_path / "wichtig.txt").exists()


def test_the_demo_makes_its_own_folder_anew(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    folder.mkdir()
    (folder / installation.DEMO_MARK).touch()
    (folder / "alt.txt").touch()
    assert installation._fresh(folder) == folder
    assert not folder.exists()
    assert installation._fresh(None).is_dir()


def test_samples_are_those_with_an_expectation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a.pdf", "a.expected.json", "b.eml", "b.eml.expected.json", "tour.png", "c.pdf", "generate.py"):
        (tmp_path / name).touch()
    monkeypatch.setattr(installation, "resource", lambda *parts: tmp_path)
    assert [path.name for path in installation.samples()] == ["a.pdf", "b.eml"]


def test_a_sample_appears_in_one_step(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(b"x")
    (tmp_path / "in").mkdir()
    installation._drop(tmp_path / "a.pdf", tmp_path / "in")
    assert [path.name for path in (tmp_path / "in").iterdir()] == ["a.pdf"]


def test_create_refuses_wrong_settings_that_are_there(tmp_path: Path) -> None:
    (tmp_path / "poststelle.toml").write_text("[unsinn]", encoding="utf-8")
    with pytest.raises(ConfigError, match="unsinn"):
        create(tmp_path, TENANT)
