"""One Vorgang delivered twice is told; a Nachtrag, a neighbour's house and the next house of the same builder are not."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest
from fakes import fake_room
from hypothesis import given
from hypothesis import strategies as st

from intake import pipeline
from intake.backfile import balance, people
from intake.backfile.alike import fingerprint
from intake.backfile.matters import FEW_SHEETS, Matter, same_matter
from intake.backfile.pairing import COMMON, likely
from intake.config import Backfile, Home
from intake.db import batches as lose
from intake.db import differences as abweichungen
from intake.db import matters as rows
from intake.db.core import Database
from intake.db.matters import Kept
from intake.db.signs import put_signs
from tests.making import signs_of
from tests.test_backfile import BY, deliver, new, take_all

LEXICON = [f"wort{number}" for number in range(3000)]


def sheets(seed: int, count: int = 8, slips: float = 0.0) -> tuple[str, ...]:
    """Fingerprints of `count` sheets of 80 words, a share of them misread."""
    rng, errors = random.Random(seed), random.Random(99)
    made = []
    for _ in range(count):
        words = rng.sample(LEXICON, 80)
        made.append(fingerprint([f"{word}x" if errors.random() < slips else word for word in words]))
    return tuple(made)


GARAGE = Matter("BA/0012/1967", "1967 Neubau einer Garage", frozenset({"12/3"}), frozenset({"Heinrich Asmussen"}),
                "Neubau einer Garage mit Abstellraum", frozenset({"1967-03-11"}), frozenset({"1967-05-02"}), sheets(1))
COPY = replace(GARAGE, akte="BA/0812/1967", applicants=frozenset({"Asmussen, Heinrich"}), sheets=sheets(1, slips=0.04))


def test_the_copy_of_another_office_is_told_with_both_reasons() -> None:
    why = same_matter(GARAGE, COPY)
    assert "gleiches Flurstück 12/3, gleicher Bauherr Heinrich Asmussen" in why and "Antrag vom 11.03.1967" in why
    assert "8 von 8 Seiten gleichen sich" in why
    assert likely([GARAGE, COPY]) == [(0, 1)]


def test_what_it_says_is_enough_where_the_papers_are_others_and_the_papers_where_it_says_little() -> None:
    assert same_matter(GARAGE, replace(COPY, sheets=sheets(7)))
    bare = Matter("X", "Vorgang 1", sheets=sheets(1, slips=0.04))
    assert same_matter(GARAGE, bare) == "8 von 8 Seiten gleichen sich"
    assert likely([GARAGE, bare]) == [(0, 1)], "found by its sheets alone"
    assert same_matter(GARAGE, replace(COPY, applicants=frozenset({"Heinrich Asrnussen"}))), "a name misread"


@pytest.mark.parametrize(("name", "other"), [
    ("Nachtrag", replace(COPY, name="1968 Nachtrag zum Neubau einer Garage", asked=frozenset({"1968-01-09"}))),
    ("Nachtrag with every plan of the first", replace(COPY, project="1. Nachtrag: Neubau einer Garage mit Abstellraum")),
    ("Tektur that quotes the permit", replace(COPY, name="Tektur zur Baugenehmigung vom 2.5.1967", asked=frozenset())),
    ("an addition without its name, months later",
     replace(COPY, asked=frozenset({"1968-01-09"}), sheets=sheets(1, 3) + sheets(8, 6))),
    ("another house of the builder", replace(COPY, parcels=frozenset({"12/4"}), sheets=sheets(3))),
    ("another Vorhaben on the parcel", replace(COPY, project="Neubau eines Wohnhauses", sheets=sheets(3))),
    ("another builder", replace(COPY, applicants=frozenset({"Karl Petersen"}), sheets=sheets(3))),
    ("nothing known but the parcel", Matter("X", "Vorgang 1", frozenset({"12/3"}))),
    ("two forms alike",
     replace(COPY, asked=frozenset({"1971-01-01"}), granted=frozenset(), sheets=(*sheets(1, 2), *sheets(5, 9)))),
    ("forms of another house", Matter("X", "Vorgang 1", frozenset({"81/2"}), sheets=sheets(1))),
    ("forms of another builder", Matter("X", "Vorgang 1", applicants=frozenset({"Karl Petersen"}), sheets=sheets(1))),
    ("too few sheets", Matter("X", "Vorgang 1", sheets=sheets(1, FEW_SHEETS - 1))),
])
def test_what_is_another_vorgang(name: str, other: Matter) -> None:
    assert same_matter(GARAGE, other) == "" == same_matter(other, GARAGE), name


def test_two_copies_of_a_nachtrag_are_told() -> None:
    one = replace(GARAGE, name="Nachtrag zur Garage", asked=frozenset({"1968-01-09"}))
    assert same_matter(one, replace(one, akte="BA/0812/1967"))


@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_it_does_not_matter_which_comes_first(seed: int, other: int) -> None:
    one, two = replace(GARAGE, sheets=sheets(seed, 3)), replace(COPY, sheets=sheets(other, 4), asked=frozenset())
    assert bool(same_matter(one, two)) == bool(same_matter(two, one))


# ---- in a batch --------------------------------------------------------------------------------------------------------

PERMIT = ("Bauschein Nummer {0} vom zweiten Mai für den Neubau einer Garage mit Abstellraum auf dem Grundstück Mühlenweg {0} in "
          "Auenbek unter den Auflagen des Bezirksschornsteinfegers und der Gemeinde, Gebühr bezahlt")
PLAN = "Lageplan und Schnitt {0} mit Maßen der Fundamente, Wände, Decken, Fenster, Türen, Schornstein und Entwässerung {0}"
OTHER = ("Bauantrag Wohnhaus Wiesengrund Steffens Rohbau vierzehn",
         "Statische Berechnung Balken Sparren Pfetten Lasten Nachweise",
         "Widerspruch Angrenzer Grenzabstand Besonnung Einfriedung Knick")
NOTICE = "Abnahme {0}: der Rohbau wurde besichtigt, Beanstandungen haben sich nicht ergeben, der Bauherr hat unterschrieben, {0}"


def akte(number: int, note: str = "") -> str:
    return "\f".join((PERMIT.format(number), PLAN.format(number), NOTICE.format(number) + note))


def test_an_akte_delivered_twice_is_a_difference_with_both_names_until_it_is_another(database: Database, tmp_path: Path) -> None:
    made = fake_room(tmp_path / "home", database)
    town = made.home.settings.tenant[0].model_copy(update={"backfile": (
        Backfile(name="bauakten", pattern=r"^(?P<akte>[^/]+)/", boundaries="off", pages_per_document=1),)})
    room = replace(made, home=Home(made.home.root, made.home.settings.model_copy(update={"tenant": (town,)})))
    batch = new(room, deliver(tmp_path / "disk", A_1__amt=akte(37), A_9__archiv=akte(37, " gez."),
                              A_3__haus="\f".join(f"{text} " * 3 for text in OTHER)))
    take_all(room)
    found = balance.reconcile(room.db, room.blobs(batch.tenant), batch)
    assert [kind for kind, _ in found] == ["alike"]
    (sentence,) = found.values()
    assert "(Akte A/1)" in sentence and "(Akte A/9)" in sentence and "3 von 3 Seiten gleichen sich" in sentence
    assert balance.reconcile(room.db, room.blobs(batch.tenant), batch) == found, "nothing changed, nothing is lost"
    with room.db.transaction() as tx:
        one = abweichungen.differences_of(tx.connection, batch.id)[0]
        assert set(people.decisions_on(one.kind)) == {"same_case", "other_case", "accepted"}
        people.decide(tx, batch, one, "other_case", "zwei Häuser", BY)
    assert balance.reconcile(room.db, room.blobs(batch.tenant), batch) == found
    with room.db.transaction() as tx:
        assert abweichungen.differences_of(tx.connection, batch.id, undecided=True) == ()
        items = lose.items_of(tx.connection, batch.id)
        signs = [replace(sign, text=f"{99 + at:032x}") for at, (path, sign) in enumerate(signs_of(tx, batch))
                 if path.startswith("A_9")]
        put_signs(tx, batch.tenant, signs)
        assert len(items) == 3
    assert balance.reconcile(room.db, room.blobs(batch.tenant), batch) == {}, "the pages are others now"


def test_proposals_that_come_later_are_compared(database: Database, tmp_path: Path) -> None:
    room = fake_room(tmp_path / "home", database)
    town = room.home.settings.tenant[0].model_copy(update={"backfile": (
        Backfile(name="bauakten", pattern=r"^(?P<akte>[^/]+)/", access_class="Bauakten", boundaries="off"),)})
    room = replace(room, home=Home(room.home.root, room.home.settings.model_copy(update={"tenant": (town,)})))
    batch = new(room, deliver(tmp_path / "disk", A_1__amt=akte(37)))
    take_all(room)
    balance.reconcile(room.db, room.blobs(batch.tenant), batch)
    with room.db.read() as conn:
        assert balance.comparing.outdated(conn, batch.id) == 0
        item = lose.items_of(conn, batch.id)[0]
        document = pipeline.schriftstuecke.documents_of(conn, item.delivery or "")[0]
    pipeline.propose_document(room, document.id)
    with room.db.read() as conn:
        assert balance.comparing.outdated(conn, batch.id) == 1


def test_vorgaenge_are_kept_until_their_items_are_compared_again(database: Database) -> None:
    with database.transaction() as tx:
        batch = lose.add_batch(tx, lose.Batch("", "mittelau", "los", "bauakten", "/disk"))
        every = [Kept((at, 0), f"A/{at}", "", {"parcel": ["12/3"]}, sheets(at, 2)) for at in range(1, 4)]
        rows.put_matters(tx, "mittelau", batch.id, range(1, 4), every)
        assert list(rows.matters_of(tx.connection, batch.id)) == every
        assert rows.matters_at(tx.connection, batch.id, {(2, 0), (9, 0)}) == {(2, 0): every[1]}
        rows.put_matters(tx, "mittelau", batch.id, [1, 2], [replace(every[1], name="neu")])
        assert [(one.place, one.name) for one in rows.matters_of(tx.connection, batch.id)] == [((2, 0), "neu"), ((3, 0), "")]


# ---- likely pairs --------------------------------------------------------------------------------------------------------


def test_what_makes_a_pair_likely() -> None:
    apart = Matter("A/1", "", frozenset({"12/3"}), frozenset({"Hans Petersen"}), sheets=sheets(1, 3))
    named = Matter("A/2", "", frozenset({"12/3", "9"}), frozenset({"Petersen, Hans", "Eva Thomsen"}), sheets=sheets(900, 3))
    piece = Matter("A/3", "", sheets=(f"{sheets(1)[0][:8]}{sheets(800)[0][8:]}",))
    moved = Matter("A/4", "", sheets=(f"{sheets(700)[0][:8]}{sheets(1)[0][:8]}{sheets(700)[0][16:]}",))
    assert likely([apart, named, piece, moved]) == [(0, 1), (0, 2)], "a piece counts at its place"
    assert likely([piece, named, apart]) == [(0, 2), (1, 2)]
    assert likely([]) == likely([named]) == likely([Matter("", ""), Matter("", "")]) == []


def test_what_everybody_has_makes_no_pairs() -> None:
    every = [Matter(f"A/{at}", "", frozenset({f"{at // 2}"}), frozenset({"Hans"}), sheets=sheets(7, 1))
             for at in range(COMMON + 1)]
    assert likely(every) == [(at, at + 1) for at in range(0, COMMON, 2)]
    assert len(likely(every[:COMMON])) == COMMON * (COMMON - 1) // 2


@given(st.lists(st.lists(st.integers(0, 3).map(lambda at: (at * 0x01010101) & 0xffffffff), min_size=4, max_size=8), max_size=8))
def test_pairs_are_those_with_a_piece_in_common(made: list[list[int]]) -> None:
    every = [Matter(f"A/{at}", "", sheets=tuple(
        "".join(f"{one:08x}" for one in pieces[start:start + 4]) for start in range(0, len(pieces) - 3, 4)))
        for at, pieces in enumerate(made)]
    keys = [{(at, sheet[at:at + 8]) for sheet in one.sheets for at in range(0, 32, 8)} for one in every]
    assert likely(every) == [(one, other) for one in range(len(every)) for other in range(one + 1, len(every))
                             if keys[one] & keys[other]]
