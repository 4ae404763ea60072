"""The stand-alone verifier: a program of its own, and no tamper goes past it."""

from __future__ import annotations

import ast
import hashlib
import json
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import rfc8785
from making import TENANT

from intake.db.core import Database
from intake.heads import line, publish, read
from intake.journal import GENESIS, RESTORED, Head, entries, export, record
from intake.pruefe_protokoll import pruefe

VERIFIER = Path(__file__).resolve().parent.parent / "intake" / "pruefe_protokoll.py"
LENGTH = 60
Lines = list[dict[str, Any]]


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Lines, str]:
    """A chain of 60 entries with values, as exported, and the published line of its newest head."""
    from intake.schema import metadata

    database = Database(f"sqlite:///{tmp_path_factory.mktemp('journal') / 'poststelle.db'}")
    with database.transaction() as tx:
        metadata.create_all(tx.connection)
        for number in range(LENGTH):
            record(tx, TENANT, "clerk:kms", "document.approved", subjects={"document": f"d{number}"},
                   old={"titel": f"Straße {number}"} if number % 3 else None, new={"n": number})
    with database.read() as conn:
        lines = [json.loads(text) for text in export(conn, TENANT, with_values=True)]
        last = list(entries(conn, TENANT))[-1]
    database.close()
    return lines, line(Head("2026-11-22T05:00:00.000000Z", TENANT, last.seq, last.hash))


def judged(tmp_path: Path, lines: Lines, head: str) -> int:
    (tmp_path / "p.jsonl").write_text("".join(json.dumps(one, ensure_ascii=False) + "\n" for one in lines), encoding="utf-8")
    (tmp_path / "s.txt").write_text(head, encoding="utf-8")
    return pruefe(str(tmp_path / "p.jsonl"), [str(tmp_path / "s.txt")])


# ---- tampers: each leaves a different list of lines ------------------------------------------------------------------


def _edit(lines: Lines, dice: random.Random) -> Lines:
    """Another actor, action, time or subject, with a hash that fits or the old one."""
    at = dice.randrange(len(lines))
    said = json.loads(lines[at]["entry"])
    field = dice.choice(["actor", "action", "at", "subjects", "tenant", "seq", "prev", "new"])
    said[field] = {"subjects": {"document": "d999"}, "seq": dice.randrange(100, 10**6)}.get(field, f"x{said[field]}")
    text = rfc8785.dumps(said).decode()
    digest = hashlib.sha256(text.encode()).hexdigest() if dice.random() < 0.5 else lines[at]["hash"]
    return [*lines[:at], {**lines[at], "entry": text, "hash": digest}, *lines[at + 1:]]


def _edit_byte(lines: Lines, dice: random.Random) -> Lines:
    at = dice.randrange(len(lines))
    text = lines[at]["entry"]
    place = dice.randrange(len(text))
    return [*lines[:at], {**lines[at], "entry": text[:place] + chr(ord(text[place]) + 1) + text[place + 1:]}, *lines[at + 1:]]


def _edit_values(lines: Lines, dice: random.Random) -> Lines:
    at, field = dice.randrange(len(lines)), dice.choice(["old", "new", "salt"])
    return [*lines[:at], {**lines[at], field: f"{lines[at][field] or ''} "}, *lines[at + 1:]]


def _delete(lines: Lines, dice: random.Random) -> Lines:
    at = dice.randrange(len(lines))
    rest = lines[:at] + lines[at + 1 + dice.randrange(3):]
    return [{**one, "seq": seq} for seq, one in enumerate(rest, start=1)] if dice.random() < 0.5 else rest


def _reorder(lines: Lines, dice: random.Random) -> Lines:
    one, other = dice.sample(range(len(lines)), 2)
    changed = list(lines)
    changed[one], changed[other] = lines[other], lines[one]
    return [{**each, "seq": seq} for seq, each in enumerate(changed, start=1)] if dice.random() < 0.5 else changed


def _insert(lines: Lines, dice: random.Random) -> Lines:
    at = dice.randrange(len(lines) + 1)
    said = json.loads(dice.choice(lines)["entry"])
    said |= {"seq": at + 1, "prev": lines[at - 1]["hash"] if at else GENESIS, "actor": "clerk:xyz"}
    text = rfc8785.dumps(said).decode()
    smuggled = {"tenant": TENANT, "seq": at + 1, "entry": text, "hash": hashlib.sha256(text.encode()).hexdigest()}
    longer = [*lines[:at], smuggled, *lines[at:]]
    if at == len(lines):  # behind the published head an entry may follow, so this one comes with a foreign prev
        return [*lines, {**smuggled, "entry": text.replace(lines[-1]["hash"], GENESIS)}]
    return [{**one, "seq": seq} for seq, one in enumerate(longer, start=1)]


def _cut_tail(lines: Lines, dice: random.Random) -> Lines:
    return lines[:dice.randrange(len(lines))]


def _rewrite(lines: Lines, dice: random.Random) -> Lines:
    """What somebody with all rights would do: from one entry on a chain that fits in itself, perhaps a shorter one."""
    at = dice.randrange(len(lines))
    forged, prev = lines[:at], lines[at - 1]["hash"] if at else GENESIS
    for one in lines[at:dice.randrange(at + 1, len(lines) + 1)]:
        said = {**json.loads(one["entry"]), "prev": prev}
        if said["seq"] == at + 1:
            said["actor"] = "clerk:somebody-else"
        text = rfc8785.dumps(said).decode()
        prev = hashlib.sha256(text.encode()).hexdigest()
        forged.append({"tenant": TENANT, "seq": said["seq"], "entry": text, "hash": prev})
    return forged


TAMPERS: tuple[Callable[[Lines, random.Random], Lines], ...] = (
    _edit, _edit_byte, _edit_values, _delete, _reorder, _insert, _cut_tail, _rewrite)


def test_a_thousand_random_tampers(exported: tuple[Lines, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Issue G: edit, delete, reorder, insert, cut the tail, given the last published head: found 1,000 of 1,000."""
    lines, head = exported
    assert judged(tmp_path, lines, head) == 0
    dice, found = random.Random(8), 0
    for number in range(1000):
        tampered = TAMPERS[number % len(TAMPERS)](lines, dice)
        assert tampered != lines
        found += judged(tmp_path, tampered, head) == 2
    capsys.readouterr()
    assert found == 1000


def test_what_only_the_published_head_shows(exported: tuple[Lines, str], tmp_path: Path) -> None:
    lines, head = exported
    rewritten = _rewrite(lines, random.Random(3))
    assert judged(tmp_path, rewritten, "") == judged(tmp_path, lines[:7], "") == 0
    assert judged(tmp_path, rewritten, head) == judged(tmp_path, lines[:7], head) == 2


# ---- as a program ----------------------------------------------------------------------------------------------------


def _run(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-I", "-S", VERIFIER, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env={"PYTHONIOENCODING": "utf-8"})


def test_it_runs_without_us_and_says_what_it_found(exported: tuple[Lines, str], tmp_path: Path) -> None:
    lines, head = exported
    judged(tmp_path, lines, head)
    done = _run(tmp_path / "p.jsonl", tmp_path / "s.txt")
    assert (done.returncode, done.stderr) == (0, "")
    assert "mittelau: 60 Einträge" in done.stdout and "belegt bis Eintrag 60, 0 danach" in done.stdout
    assert done.stdout.endswith("Das Protokoll ist ganz und unverändert.\n")
    judged(tmp_path, lines[:50], head)
    done = _run(tmp_path / "p.jsonl", tmp_path / "s.txt")
    assert done.returncode == 2
    assert "FEHLER mittelau, Eintrag 60: wurde veröffentlicht und fehlt; das Ende ist abgeschnitten" in done.stdout
    assert _run().returncode == 1 and _run(tmp_path / "fehlt").returncode == 1


def test_it_imports_nothing_of_ours_and_is_short() -> None:
    source = VERIFIER.read_text(encoding="utf-8")
    imported = {name.name for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Import) for name in node.names} | {
        str(node.module) for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ImportFrom)}
    assert imported == {"__future__", "hashlib", "json", "re", "sys", "typing"}
    assert len(source.splitlines()) <= 130


@pytest.mark.parametrize("rubbish", ["", "x", "[]", "null", '{"tenant": "a"}', '{"tenant":"a","seq":1,"entry":7,"hash":""}'])
def test_rubbish_is_a_fault_not_a_crash(rubbish: str, exported: tuple[Lines, str], tmp_path: Path) -> None:
    lines, head = exported
    judged(tmp_path, lines, head + "kein Stand\n")
    with (tmp_path / "p.jsonl").open("a", encoding="utf-8") as file:
        file.write(rubbish + "\n")
    done = _run(tmp_path / "p.jsonl", tmp_path / "s.txt")
    assert done.returncode == 2 and "kein Eintrag eines Protokolls" in done.stdout and "kein Stand" in done.stdout


def test_restores_deleted_values_and_several_tenants(sqlite_database: Database, tmp_path: Path,
                                                     capsys: pytest.CaptureFixture[str]) -> None:
    stand, protokoll = tmp_path / "s.txt", tmp_path / "p.jsonl"
    for tenant in (TENANT, "nord"):
        for action in ("a", RESTORED, "b"):
            with sqlite_database.transaction() as tx:
                record(tx, tenant, "rule:x", action, subjects={}, new={"n": 1})
    with sqlite_database.read() as conn:
        chain = list(entries(conn, TENANT))
        protokoll.write_text("".join(text + "\n" for tenant in (TENANT, "nord") for text in export(conn, tenant)))
    stand.write_text("".join(map(line, [
        Head("2026-11-20T00:00:00Z", TENANT, 1, chain[0].hash), Head("2026-11-21T00:00:00Z", TENANT, 9, "9" * 64),
        Head("2026-11-22T00:00:00Z", TENANT, 2, chain[1].hash, restored=True)])))
    publish(sqlite_database, [TENANT, "nord"], stand)
    assert pruefe(str(protokoll), [str(stand)]) == 0
    said = capsys.readouterr().out
    assert "am 2026-11-22 aus einer Sicherung wiederhergestellt (Eintrag 2); Einträge 2 bis 9 verloren" in said
    assert "nord: 3 Einträge" in said
    found, _ = read(stand)
    stand.write_text("".join(line(head) for head in found if not head.restored))
    assert pruefe(str(protokoll), [str(stand)]) == 2, "a restore nobody spoke of outside"
    stand.write_text("".join(map(line, [*found, Head("2026-11-23T00:00:00Z", TENANT, 3, chain[2].hash, restored=True)])))
    assert pruefe(str(protokoll), [str(stand)]) == 2, "an entry that is none"
