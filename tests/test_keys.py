"""Normal forms: what must be equal is, what must differ does, and a key of a key is itself."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.keys import compact_key, fold, natural_key, notation_key, reference_key, street_key

SIGNS = st.from_regex(r"(BA|OA|III/2)[/-][0-9]{1,3}(\.[0-9]{2})?-[0-9]{4}/[0-9]{4}", fullmatch=True)


@given(st.text(max_size=40))
def test_keys_are_idempotent(text: str) -> None:
    for key in (reference_key, notation_key, fold, natural_key, street_key):
        if key is not natural_key:
            assert key(key(text)) == key(text)
        assert natural_key(natural_key(text)) == natural_key(text)


@given(SIGNS, st.lists(st.sampled_from(["", " ", "  "]), min_size=12, max_size=12), st.sampled_from("-–—‐"))
def test_blanks_beside_separators_and_kinds_of_dashes_do_not_matter(sign: str, blanks: list[str], dash: str) -> None:
    loose = "".join(f"{blanks[0]}{char}{blanks[1]}" if char in "-/." else char for char in sign).replace("-", dash)
    assert reference_key(loose) == reference_key(sign)
    assert reference_key(f" {sign.lower()}. ") == reference_key(sign)


@given(SIGNS, SIGNS)
def test_different_signs_stay_different(one: str, other: str) -> None:
    assert (reference_key(one) == reference_key(other)) == (one.upper() == other.upper())


@pytest.mark.parametrize(("one", "other"), [
    ("010/23", "10/23"), ("BA/632.60-0017/2026", "BA/632.60-017/2026"), ("632.6", "632.60"), ("10 44", "1044"),
    ("BA/632.60-0017/2026", "BA/632.60-0011/2026"), ("602-21/67", "602-2/167")])
def test_digits_are_never_corrected(one: str, other: str) -> None:
    assert reference_key(one) != reference_key(other)


def test_nothing_gives_nothing() -> None:
    assert reference_key(" - / . ") == ""
    assert notation_key(" . ") == ""


@pytest.mark.parametrize("written", ["10 44 01", "10.44.01", "10-44-01", " 10 . 44 / 01 "])
def test_notations_of_many_kinds(written: str) -> None:
    assert notation_key(written) == "10.44.01"


def test_notation_keeps_letters_and_zeros() -> None:
    assert notation_key("0001 b10 000") == "0001.B10.000"
    assert notation_key("S 0100") != notation_key("S 100")


def test_natural_key_sorts_as_people_count() -> None:
    assert sorted(["10.2", "2.10", "2.9", "1"], key=natural_key) == ["1", "2.9", "2.10", "10.2"]


@pytest.mark.parametrize("written", ["Mühlenstraße 12 a", "Muehlenstr. 12a", "MÜHLENSTR.12A", "Mühlenstrasse 12a"])
def test_streets(written: str) -> None:
    assert street_key(written) == "muehlenstr 12a"


def test_fold_knows_german_and_accents() -> None:
    assert fold("Größe ÄRGER Çelik Şahin é") == "groesse aerger celik sahin e"
    assert fold("STRAẞE") == "strasse"


@pytest.mark.parametrize("written", ["S 0100", "S0100", "s.0100"])
def test_a_notation_without_its_groups(written: str) -> None:
    assert compact_key(written) == "S0100" and compact_key("0001 B10 000") == "0001B10000"
    assert compact_key("1.23") == compact_key("12.3")  # so it names an entry only where it is the only one
