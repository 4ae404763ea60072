"""Numbers with check digits: what is found, how it is spelled, and what the check says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum.iso7064 import mod_97_10

from intake.extract.numbers import find_bics, find_ibans, find_leitweg_ids, find_tax_numbers, find_vat_ids


def iban(account: int) -> str:
    """A German IBAN with right check digits."""
    bare = f"{account:018d}"
    return f"DE{98 - int(bare + '131400') % 97:02d}{bare}"


@given(st.integers(0, 10**18 - 1), st.sampled_from(["", " ", "\u00a0"]))
def test_ibans_in_groups(account: int, blank: str) -> None:
    number = iban(account)
    printed = blank.join(number[at:at + 4] for at in range(0, 22, 4))
    (found,) = find_ibans(f"Konto: IBAN: {printed} BIC: NOLADE21NOS, Sparkasse")
    assert (found.value, found.raw, found.checks) == (number, printed, ("iban:ok",))


@given(st.integers(0, 10**18 - 1), st.integers(2, 21), st.integers(1, 9))
def test_one_wrong_digit_is_always_seen(account: int, at: int, by: int) -> None:
    number = iban(account)
    wrong = number[:at] + str((int(number[at]) + by) % 10) + number[at + 1:]
    (found,) = find_ibans(wrong)
    assert found.value == wrong and found.checks == ("iban:wrong-checksum",)


def test_letters_for_digits_only_where_the_check_holds() -> None:
    (found,) = find_ibans("DE89 37O4 OO44 0532 0130 00")
    assert (found.value, found.raw) == ("DE89370400440532013000", "DE89 37O4 OO44 0532 0130 00")
    assert found.checks == ("iban:ok", "iban:read-as-digits")
    (wrong,) = find_ibans("DE89 37O4 OO44 0532 0130 01")
    assert wrong.value == "DE8937O4OO440532013001" and wrong.checks == ("iban:wrong-checksum",)


def test_foreign_ibans_end_where_their_check_holds() -> None:
    (found,) = find_ibans("IBAN AT61 1904 3002 3457 3201 SWIFT BKAUATWW")
    assert found.value == "AT611904300234573201"
    assert not find_ibans("AZ 12 3456 7890 1234 5678") and not find_ibans("Bestellung AB12CDEF34567890X")


def test_other_numbers() -> None:
    text = ("USt-IdNr.: DE 136 695 976, Steuer-Nr. 21/815/08150, BIC: NOLADE21NOS, Leitweg-ID: 04011000-12345-34, "
            "IBAN DE89370400440532013000")
    assert [(one.value, one.checks) for one in find_vat_ids(text)] == [("DE136695976", ("vat:ok",))]
    assert [one.value for one in find_tax_numbers(text)] == ["21/815/08150"]
    assert [(one.value, one.checks) for one in find_bics(text)] == [("NOLADE21NOS", ("bic:ok",))]
    assert [(one.value, one.checks) for one in find_leitweg_ids(text)] == [("04011000-12345-34", ("leitweg:wrong-checksum",))]
    assert all(text[one.start:one.end] == one.raw for one in (*find_vat_ids(text), *find_leitweg_ids(text)))


@pytest.mark.parametrize("text", ["Tel. 04699 123-45", "Beschluss 2026-03-12", "BA/632.60-0017/2026", "24.12.2026-24"])
def test_what_is_no_leitweg_id(text: str) -> None:
    assert not find_leitweg_ids(text)


@given(st.integers(1, 16), st.sampled_from([3, 6, 10]), st.text("ABC123", min_size=1, max_size=8))
def test_leitweg_ids_are_found_by_their_check(state: int, more: int, fine: str) -> None:
    number = f"{state:02d}{'40512345678'[:more]}-{fine}"
    number += f"-{mod_97_10.calc_check_digits(number.replace('-', ''))}"
    assert [one.value for one in find_leitweg_ids(f"Referenz {number} vom")] == [number]
