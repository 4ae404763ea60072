"""The rule who sees what, in plain Python: inheritance of classes, default-deny, branches and offices."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.access import OPEN, ORDINARY, Lying, Unit, classes_of, sees_document, sees_file, under
from intake.vocabulary import Viewer

PLAN = [Unit("0", None, "Verfassung", OPEN), Unit("1", None, "Personal", "Personal"), Unit("11", "1", "Akten", OPEN),
        Unit("111", "11", "Beihilfe", "Beihilfe"), Unit("1111", "111", "Belege", ""), Unit("4", None, "Soziales und Alter", OPEN),
        Unit("41", "4", "Wohngeld", OPEN), Unit("6", None, "Bauen", OPEN), Unit("61", "6", "Bauvorhaben", "Bau")]
CLASSES = classes_of(PLAN)
names = st.sampled_from([unit.id for unit in PLAN])
classes = st.frozensets(st.sampled_from([OPEN, ORDINARY, "Personal", "Beihilfe", "Soziales", "Bau", "Vertraulich"]))


def test_an_entry_has_the_class_of_the_nearest_above_that_says_one() -> None:
    assert CLASSES == {"0": OPEN, "1": "Personal", "11": "Personal", "111": "Beihilfe", "1111": "Beihilfe", "4": "Soziales",
                       "41": "Soziales", "6": OPEN, "61": "Bau"}


def test_a_plan_that_goes_round_or_has_lost_a_parent_still_ends() -> None:
    assert classes_of([Unit("a", "b", "A", OPEN), Unit("b", "a", "B", OPEN), Unit("c", "gone", "C", "Bau")]) == {
        "a": OPEN, "b": OPEN, "c": "Bau"}


@pytest.mark.parametrize(("title", "wanted"), [
    ("Personal", "Personal"), ("Personalakten", "Personal"), ("Personal und Organisation", "Personal"),
    ("Personalausweise und Reisepässe", OPEN), ("Soziale Hilfen", "Soziales"), ("Sozialhilfe", "Soziales"),
    ("Kinder-, Jugend- und Familienhilfe", "Jugend"), ("Jugendamt", "Jugend"), ("Jugendarbeit", OPEN),
    ("Senioren-, Jugend- und Behindertenbeirat", OPEN), ("Sozialer Wohnungsbau", OPEN), ("Bauen", OPEN)])
def test_personal_social_and_youth_are_closed_although_a_plan_says_nothing(title: str, wanted: str) -> None:
    assert classes_of([Unit("x", None, title, OPEN)]) == {"x": wanted}


def test_the_plan_that_comes_with_us_says_itself_what_is_closed() -> None:
    rows = list(csv.DictReader(Path("config/aktenplan.csv").read_text(encoding="utf-8").splitlines(), delimiter=";"))
    units = [Unit(row["id"], None, row["title"], row["access_class"]) for row in rows]
    assert classes_of(units) == {row["id"]: row["access_class"] for row in rows}


@given(names, st.text(max_size=5), classes, st.sampled_from([ORDINARY, "Vertraulich", "Bau"]), st.booleans())
def test_more_classes_never_show_less(entry: str, office: str, some: frozenset[str], own: str, filed: bool) -> None:
    lying = Lying(entry, office) if filed else None
    fewer, more = Viewer("t", classes=some), Viewer("t", classes=some | {"Bau"})
    assert sees_document(more, own, lying, CLASSES, frozenset()) >= sees_document(fewer, own, lying, CLASSES, frozenset())
    assert sees_document(Viewer("t"), own, lying, CLASSES, frozenset())
    assert not sees_document(Viewer("t", classes=frozenset()), own, lying, CLASSES, frozenset())


@given(names, classes, st.lists(names, max_size=2), st.sampled_from([(), ("Bauamt",)]))
def test_branches_and_offices_only_take_away(entry: str, some: frozenset[str], branches: list[str],
                                             offices: tuple[str, ...]) -> None:
    whole, part = Viewer("t", classes=some), Viewer("t", classes=some, branches=tuple(branches), offices=offices)
    inside = under(PLAN, branches)
    for office in ("", "Bauamt", "Kämmerei"):
        sees = sees_file(part, Lying(entry, office), CLASSES, inside)
        assert sees <= sees_file(whole, Lying(entry, office), CLASSES, frozenset())
        if branches or offices:
            assert sees == (sees_file(whole, Lying(entry, office), CLASSES, inside) and (entry in inside or office in offices))


def test_an_entry_the_plan_does_not_have_is_closed() -> None:
    assert not sees_file(Viewer("t", classes=frozenset({OPEN})), Lying("gone"), CLASSES, frozenset())
    assert under(PLAN, ["1", "gone"]) == {"1", "11", "111", "1111"}
