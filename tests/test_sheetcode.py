"""The code of our sheets: what is printed is read again, what is damaged or another's is a fault, codes of others are nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.sheetcode import Fault, SheetCode, check_digits, decode, encode

TEXT = st.text(max_size=20)
CODES = st.builds(SheetCode, st.from_regex(r"[0-9A-Za-z-]{1,36}", fullmatch=True),
                  st.sampled_from(["document", "file", "batch"]), st.from_regex(r"([a-z][a-z0-9_-]{0,9})?", fullmatch=True),
                  TEXT, TEXT, TEXT)
PLAIN = SheetCode("01KA", "file", "mittelau", "652.30", "BA/652.30-0001/2026", "Antrag")


def test_the_payload_can_be_read_by_a_person() -> None:
    assert encode(PLAIN).startswith("MI1|M=mittelau|T=A|AP=652.30|AZ=BA/652.30-0001/2026|DA=Antrag|ID=01KA|C=")


@given(CODES)
def test_what_is_printed_is_read_again(code: SheetCode) -> None:
    payload = encode(code)
    assert payload.isascii() and payload.isprintable()
    found = decode(payload, code.tenant)
    assert found == code or (isinstance(found, Fault) and len(payload) > 400)


@given(CODES, st.integers(0, 399), st.characters(min_codepoint=33, max_codepoint=126))
def test_one_wrong_character_is_noticed(code: SheetCode, place: int, character: str) -> None:
    payload = encode(code)
    place %= len(payload)
    wrong = payload[:place] + character + payload[place + 1:]
    if wrong != payload:
        assert not isinstance(decode(wrong, code.tenant), SheetCode)


def test_the_sheets_of_another_tenant_are_a_fault_and_general_sheets_are_not() -> None:
    assert isinstance(decode(encode(PLAIN), "auenbek"), Fault)
    assert decode(encode(PLAIN), "") == PLAIN
    general = SheetCode("1")
    assert decode(encode(general), "auenbek") == general


@pytest.mark.parametrize("foreign", ["", "BCD\n002\n1\nSCT", "DEA5-0001", "mi1|T=D", "MI2|T=D|ID=1|C=0000", "https://example.org/?MI1|"])
def test_codes_of_others_are_none(foreign: str) -> None:
    assert decode(foreign, "mittelau") is None


@pytest.mark.parametrize("text", ["MI1|T=D", "MI1|C=0000", "MI1|T=D|ID=1", "MI1|T=X|ID=1", "MI1|ID=1", "MI1|T=D|ID=" + "9" * 400])
def test_half_a_code_is_a_fault(text: str) -> None:
    assert isinstance(decode(text, "mittelau"), Fault)


@pytest.mark.parametrize("text", ["MI1", "MI1|T=X|ID=1", "MI1|ID=1", "MI1|T=D|" + "ID=" + "9" * 400])
def test_right_check_digits_do_not_make_a_sheet(text: str) -> None:
    assert isinstance(decode(f"{text}|C={check_digits(text)}", "mittelau"), Fault)


def test_fields_to_come_are_passed_over() -> None:
    text = "MI1|T=D|ZZ=später|ID=1"
    assert decode(f"{text}|C={check_digits(text)}", "") == SheetCode("1")


def test_check_digits_are_the_known_ones() -> None:
    assert check_digits("123456789") == "29B1"  # the check value of CRC-16/CCITT-FALSE
