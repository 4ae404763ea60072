"""Aktenzeichen without gaps and doubles: eight processes at once, over the change of the year, some giving up half-way."""

from __future__ import annotations

import multiprocessing
import random
import re
from collections import defaultdict
from datetime import UTC, datetime

from review_help import BUILDING, DOGS, TENANT
from sqlalchemy import select

from intake import akten
from intake.config import Tenant
from intake.db.core import Database, Tx
from intake.db.plan import import_plan
from intake.schema import cases, files
from intake.vocabulary import Viewer

SETTINGS = Tenant(name=TENANT, reference_template="{unit}/{notation}-{number:04d}/{year}")
PROCESSES, EACH = 8, 10
HERE = datetime.now().astimezone().tzinfo
EVE, NEW_YEAR = (datetime(*day, tzinfo=HERE).astimezone(UTC) for day in ((2026, 12, 31, 23, 59, 59), (2027, 1, 1)))


class GivenUp(Exception):
    """The filer changed its mind: its transaction rolls back."""


def filer(url: str, seed: int) -> None:
    """One process: opens Akten on both sides of midnight and Vorgänge in the common one; every fourth is rolled back."""
    dice, db, viewer = random.Random(seed), Database(url), Viewer(TENANT)
    for _ in range(EACH):
        try:
            with db.transaction() as tx:
                then = Tx(tx.connection, dice.choice((EVE, NEW_YEAR)))
                akten.open_file(then, SETTINGS, viewer, "kms", dice.choice((DOGS.id, BUILDING.id)), f"Akte von {seed}")
                akten.open_case(then, viewer, "kms", "GEMEINSAM 1", f"Vorgang von {seed}")
                if dice.random() < 0.25:
                    raise GivenUp
        except GivenUp:
            pass
    db.close()


def test_eight_processes_number_without_gaps_over_the_new_year(database_url: str) -> None:
    db = Database(database_url)
    with db.transaction() as tx:
        import_plan(tx, TENANT, [DOGS, BUILDING])
        akten.open_file(tx, SETTINGS, Viewer(TENANT), "kms", DOGS.id, "gemeinsam", reference="GEMEINSAM 1")
    db.close()
    fork = multiprocessing.get_context("fork")
    filers = [fork.Process(target=filer, args=(database_url, seed)) for seed in range(PROCESSES)]
    for one in filers:
        one.start()
    for one in filers:
        one.join(120)
    assert [one.exitcode for one in filers] == [0] * PROCESSES
    db = Database(database_url)
    with db.read() as conn:
        found = conn.execute(select(files.c.reference).where(files.c.reference != "GEMEINSAM 1")).scalars().all()
        inside = sorted(conn.execute(select(cases.c.reference)).scalars())
    db.close()
    series: dict[tuple[str, str], list[int]] = defaultdict(list)
    for reference in found:
        sign, number, year = re.fullmatch(r"(\S+)-(\d{4})/(\d{4})", reference).groups()  # type: ignore[union-attr]
        series[sign, year].append(int(number))
    assert {year for _, year in series} == {"2026", "2027"} and len(series) == 4
    assert all(sorted(numbers) == list(range(1, len(numbers) + 1)) for numbers in series.values())
    assert len(found) == len(inside) > PROCESSES * EACH // 2
    assert inside == [f"{number:03d}" for number in range(1, len(inside) + 1)]
