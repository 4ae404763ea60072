"""Letters: zones of both forms under skew, blocks and lines, stamps, texts without places; evidence that covers its words."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intake.extract.layout import Segment, legibility, rows, segments, slope_of, union
from intake.extract.letter import AccessWords, letter
from intake.extract.references import TEXT, ZONE, References, compiled
from intake.extract.stamp import stamp
from intake.extract.zones import label_of, zones
from intake.keys import reference_key
from intake.propose import best
from intake.vocabulary import Envelope, Evidence, Material, Page, Proposal, Word
from samples.letters import Letter, lay_out, random_letter
from tests.paper import WordCanvas, page_of

OWN = References(compiled((r"\b(?:BA|OA|KA|HA|SA)/\d{1,3}(?:\.\d{2})?-\d{4}/\d{4}\b",)), {reference_key("10-44/17")})
SIGN = "BA/632.60-0017/2026"


def paper(seed: int = 1, **changes: object) -> Letter:
    plain = random_letter(seed)
    return Letter(**{**{name: getattr(plain, name) for name in plain.__dataclass_fields__}, **changes})


def printed(one: Letter, skew: float = 0.0, stamped: str = "", at: tuple[float, float] = (130.0, 20.0),
            confidence: float = 0.96) -> Material:
    canvas = WordCanvas(skew=skew, confidence=confidence)
    lay_out(canvas, one)
    if stamped:
        canvas.text(at[0] + 2, at[1] + 5, "EINGEGANGEN", 11)
        canvas.text(*at, stamped, 11) if at[1] > 250 else canvas.text(at[0], at[1] + 11, stamped, 11)
    return Material(canvas.pages(), received_on=date(2026, 11, 20))


def value(found: tuple[Proposal, ...], name: str) -> str | None:
    one = best(found, name)
    return one.value if one else None


@pytest.mark.parametrize("form", ["A", "B"])
@pytest.mark.parametrize("skew", [-2.0, 0.0, 2.0])
@pytest.mark.parametrize("zone", ["block", "references", "none"])
def test_din_5008(form: str, skew: float, zone: str) -> None:
    signs = (("Ihr Zeichen", SIGN), ("Unser Zeichen", "ab-17"))
    one = paper(4, form=form, block=signs if zone == "block" else (), references=signs if zone == "references" else (),
                date="14.07.2026")
    found = letter(printed(one, skew))
    assert value(found, "sender_name") == one.sender[0]
    assert value(found, "recipient_name") == one.recipient[0]
    assert value(found, "letter_date") == "2026-07-14"
    assert value(found, "subject") == one.subject
    assert value(found, "your_reference") == (None if zone == "none" else SIGN)
    assert value(found, "our_reference") == (None if zone == "none" else "ab-17")


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 500), st.floats(-2, 2))
def test_evidence_covers_the_words_of_its_value(seed: int, skew: float) -> None:
    one = paper(seed, block=(("Ihr Zeichen", SIGN),))
    material = printed(one, skew, "28.10.2026")
    for proposal in (*letter(material), *stamp(material), *OWN(material)):
        for place in proposal.evidence:
            if place.box is None:
                continue
            page = material.pages[place.page - 1]
            inside = [word.text for word in page.words if _covers(place, word)]
            assert all(any(want in word for word in inside) for want in place.text.split()), (proposal, inside)
            assert all(0 <= edge <= 1 for edge in place.box)


def _covers(place: Evidence, word: Word) -> bool:
    assert place.box is not None
    x0, y0, x1, y1 = place.box
    return x0 <= word.box[0] and y0 <= word.box[1] and x1 >= word.box[2] and y1 >= word.box[3]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000))
def test_random_letters_are_read(seed: int) -> None:
    one = random_letter(seed)
    found = letter(printed(one, random.Random(seed).uniform(-2, 2)))
    got = {name: value(found, name) for name in ("sender_name", "recipient_name", "subject", "letter_date")}
    assert got == {"sender_name": one.sender[0], "recipient_name": one.recipient[0], "subject": one.subject,
                   "letter_date": datetime.strptime(one.date, "%d.%m.%Y").date().isoformat()}


def test_no_page_no_answer() -> None:
    assert letter(Material(())) == () and stamp(Material(())) == () and OWN(Material(())) == ()
    empty = Material((Page(1, 210.0, 297.0),))
    assert letter(empty) == () and stamp(empty) == () and OWN(empty) == ()


def test_mail() -> None:
    sent = datetime(2026, 3, 4, 10, 0, tzinfo=UTC)
    body = page_of("Guten Tag,\n\nmein Hund ist am 12.02.2026 verstorben.\n\nViele Grüße\nInga Harms")
    material = Material((body,), Envelope("Inga Harms <inga@example.org>", None, "AW: Re: Abmeldung Hund", sent))
    found = letter(material)
    assert value(found, "sender_name") == "Inga Harms"
    assert value(found, "subject") == "Abmeldung Hund"
    assert value(found, "letter_date") == "2026-03-04"
    assert all(place.page in (0, 1) for one in found for place in one.evidence)


def test_text_with_the_word_betreff() -> None:
    text = (f"Bauamt Mittelau\nMittelau, den 3. März 2026\nIhr Zeichen: {SIGN}\nBetr.: Zaun an der Grenze\n\n"
            "Sehr geehrte Damen,\nes geht um")
    found = letter(Material((page_of(text),)))
    assert value(found, "subject") == "Zaun an der Grenze"
    assert value(found, "letter_date") == "2026-03-03"
    assert value(found, "your_reference") == SIGN


@pytest.mark.parametrize(("text", "name", "rest"), [
    ("Ihr Zeichen: 12", "your_reference", "12"), ("Unser Zeichen 7", "our_reference", "7"), ("Az.: 7", "our_reference", "7"),
    ("Gesch.-Z.: 7", "our_reference", "7"), ("Gesch.Z.: 7", "our_reference", "7"), ("Gesch.-2.: 7", "our_reference", "7"),
    ("Gesch. Zimmer 7", None, "Gesch. Zimmer 7"), ("Geschäftszeichen: X", "our_reference", "X"),
    ("Kassenzeichen 9", "cash_reference", "9"),
    ("Datum 1.1.26", "letter_date", "1.1.26"),
    ("Telefon: 04", "", "04"), ("Azaleen im Park", None, "Azaleen im Park"), ("Datumsangabe", None, "Datumsangabe")])
def test_leading_words(text: str, name: str | None, rest: str) -> None:
    found, end = label_of(text)
    assert found == name and text[end:] == rest


def test_what_stands_between_a_leading_word_and_its_value() -> None:
    page = printed(paper(4, form="B", block=(("Ihr Zeichen", SIGN), ("Unser Zeichen", "ab-17")))).pages[0]
    at = next(number for number, word in enumerate(page.words) if word.text == "Zeichen:")
    label = page.words[at]
    speck = replace(label, text="B", line=99, block=9, confidence=0.9,
                    box=(label.box[2] + 0.001, label.box[1], label.box[2] + 0.003, label.box[3]))
    words = (*page.words[:at], replace(label, text="Zeichen"), speck, *(replace(one, block=8) for one in page.words[at + 1:]))
    assert value(letter(Material((replace(page, words=words),))), "your_reference") == SIGN


def test_a_return_line_that_runs_into_the_block() -> None:
    long = "Wasser- und Bodenverband Untere Aue und Nebengewässer der Marsch, Körperschaft des öffentlichen Rechts"
    page = printed(paper(4, form="A", sender=(long, "Große Twiete 34", "24997 Norderfeld"), block=(), references=())).pages[0]
    back = [word for word in page.words if 30 <= word.box[1] * page.height_mm <= 45]
    last = max(back, key=lambda word: word.box[2])
    right, x0, y0, y1 = [], max(last.box[2] + 0.005, 0.55), last.box[1], last.box[3]
    for text in ("Ihr", "Zeichen:", SIGN):
        right.append(replace(last, text=text, box=(x0, y0, x0 + 0.05, y1)))
        x0 += 0.055
    at = page.words.index(last) + 1
    found = letter(Material((replace(page, words=(*page.words[:at], *right, *page.words[at:])),)))
    assert value(found, "your_reference") == SIGN and value(found, "sender_name") == long.split(",", maxsplit=1)[0]


@pytest.mark.parametrize("read", ["=", "N"])
def test_the_first_of_two_illegible_leading_words_is_theirs_in_the_block(read: str) -> None:
    page = printed(paper(4, form="B", block=(("Ihr Zeichen", SIGN), ("Unser Zeichen", "26 14. 03")), references=())).pages[0]
    words = [replace(word, text={"Ihr": read, "Unser": "vB"}[word.text]) if word.text in ("Ihr", "Unser") and word.box[0] > 0.5
             else word for word in page.words]
    gone = next(number for number, word in enumerate(words) if word.text == "vB") + 1
    found = letter(Material((replace(page, words=(*words[:gone], *words[gone + 1:]), source="ocr"),)))
    assert best(found, "your_reference").checks == ("label:unlesbar",)  # type: ignore[union-attr]
    assert (value(found, "your_reference"), value(found, "our_reference")) == (SIGN, "26 14 03")
    assert best(found, "our_reference").checks == ("ocr:auch 26 14. 03", "label:unlesbar")  # type: ignore[union-attr]


def test_a_sign_whose_leading_word_is_lost_in_the_return_line() -> None:
    page = printed(paper(4, form="A", block=(("Ihr Zeichen", SIGN), ("Unser Zeichen", "ab-17")), references=())).pages[0]
    at = next(number for number, word in enumerate(page.words) if word.text == SIGN)
    ihr, zeichen, sign = page.words[at - 2:at + 1]
    long = "Wasser- und Bodenverband Untere Aue, Am Alten Bahnhof 120 a, 24997 Norderfe'T"
    x0, width = 0.12, 0.0062
    before = []
    for text in long.split():
        before.append(replace(ihr, text=text, box=(x0, ihr.box[1], x0 + width * len(text), ihr.box[3]), block=7, line=70))
        x0 += width * len(text) + 0.005
    blurred = replace(zeichen, text="Zeicben;", block=7, line=70, box=(*zeichen.box[:2], sign.box[0] - 0.01, zeichen.box[3]))
    merged = (*before, blurred, replace(sign, block=7, line=70))
    rest = tuple(word for number, word in enumerate(page.words) if number not in (at - 2, at - 1, at)
                 and not (35 <= word.box[1] * page.height_mm <= 44 and word.box[0] < 0.5))  # the return line as it was
    found = letter(Material((replace(page, words=(*merged, *rest)),)))
    best_one = best(found, "your_reference")
    assert best_one and (best_one.value, best_one.checks) == (SIGN, ("label:unlesbar",)) and best_one.confidence < 0.7


def test_a_smear_is_no_line_of_the_address() -> None:
    page = printed(paper(4, form="B")).pages[0]
    name = next(word for word in page.words if word.text == "Amt" and word.box[1] > 0.1)
    smear = replace(name, text="Jager", block=9, line=90, confidence=0.6, box=(
        name.box[0], name.box[1] - 0.016, name.box[0] + 0.38, name.box[3] - 0.017))
    assert value(letter(Material((replace(page, words=(*page.words, smear)),))), "recipient_name") == "Amt Mittelau"


def test_lines_one_above_the_other_are_no_row() -> None:
    high = Segment(1, (), "Bebauungsplan Nr. 27, Beteiligung der Träger", (26.1, 109.0, 187.2, 117.5))
    below = Segment(1, (), "nach § 4 Abs. 2 BauGB", (26.0, 113.8, 67.9, 117.7))
    beside = Segment(1, (), "Datum", (190.0, 111.0, 200.0, 115.0))
    assert [[one.text[:5] for one in row] for row in rows((below, beside, high))] == [["Bebau", "Datum"], ["nach "]]


# ---- the receipt stamp -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("written", ["28.10.2026", "28. Okt. 2026", "28 OKT 2026", "28.10.26", "28. Oktober 2026"])
@pytest.mark.parametrize("at", [(130.0, 20.0), (128.0, 100.0), (85.0, 225.0)])
def test_the_stamp_gives_the_day_of_receipt_not_of_the_letter(written: str, at: tuple[float, float]) -> None:
    material = printed(paper(7, date="02.10.2026", block=()), 1.0, written, at)
    assert value(stamp(material), "receipt_date") == "2026-10-28"
    assert value(letter(material), "letter_date") == "2026-10-02"


def test_a_sentence_is_no_stamp() -> None:
    words = ["Ihr", "Antrag", "ist", "hier", "am", "03.04.2026", "eingegangen", "und", "wird", "geprüft"]
    page = Page(1, 210, 297, " ".join(words), tuple(
        Word(word, (0.1 + 0.07 * number, 0.3, 0.165 + 0.07 * number, 0.31), 0.9) for number, word in enumerate(words)))
    assert stamp(Material((page,))) == ()
    assert stamp(Material((page_of(page.text),))) == ()


def test_a_day_after_the_receipt_is_no_day_of_receipt() -> None:
    material = printed(paper(7), 0.0, "28.12.2026")
    assert value(stamp(material), "receipt_date") is None


def test_a_stamp_in_a_text_without_places() -> None:
    found = stamp(Material((page_of("Stadt Mittelau\nEingang\n12.03.1987\nBauamt"),), received_on=date(2026, 1, 1)))
    assert value(found, "receipt_date") == "1987-03-12"


# ---- own Aktenzeichen ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["block", "references", "subject"])
@pytest.mark.parametrize("skew", [-2.0, 2.0])
def test_the_zone_of_a_sign_is_told(where: str, skew: float) -> None:
    changes: dict[str, object] = {"block": (), "references": ()}
    changes |= {"subject": f"Einspruch, {SIGN}"} if where == "subject" else {where: (("Ihr Zeichen", SIGN), ("Telefon", "04"))}
    found = OWN(printed(paper(5, **changes), skew))
    assert [(one.value, one.evidence[0].by) for one in found] == [(SIGN, ZONE)]


def test_a_sign_in_the_text_is_no_sign_in_the_zone() -> None:
    found = OWN(printed(paper(5, paragraphs=(f"wie im Verfahren {SIGN} schon gesagt, bitte ich um Antwort.",))))
    assert [(one.value, {place.by for place in one.evidence}) for one in found] == [(SIGN, {TEXT})]


def test_both_places_are_kept_the_zone_first() -> None:
    one = paper(5, block=(("Ihr Zeichen", SIGN),), paragraphs=(f"zu {SIGN} und zu OA/200.20-0001/2025 teile ich mit",))
    found = OWN(printed(one))
    assert [place.by for place in found[0].evidence] == [ZONE, TEXT]
    assert [one.value for one in found] == [SIGN, "OA/200.20-0001/2025"]


def test_illegible_signs_are_less_sure() -> None:
    clear, blurred = (OWN(printed(paper(5, block=(("Ihr Zeichen", SIGN),)), confidence=sure))[0] for sure in (0.98, 0.4))
    assert clear.confidence > 0.9 > 0.8 > blurred.confidence


@pytest.mark.parametrize("text", [
    "XBA/632.60-0017/2026", "BA/632.60-0017/20265", "BA/632.60-0017/2026-3", "A-BA/632.60-0017/2026", "BA/632.6O-0017/2026",
    "602-21/67", "26/0481-Th", "R-2026-1184", "1BA/632.60-0017/2026"])
def test_look_alikes_are_not_ours(text: str) -> None:
    assert OWN.find(f"Ihr Zeichen {text} vom 1.1.") == ()


@pytest.mark.parametrize(("read", "sign"), [
    ("BA/632.6O-0017/2026", SIGN), ("8A/632.60-00l7/2026", SIGN), ("BA/632.60-00 17/2026", SIGN), ("BA/632,60-0017/2026", SIGN),
    ("BAI632.60-0017/2026", SIGN), ("BA/632.60-001712026", SIGN), ("BA1632.60-0017/2026", SIGN), ("BA7632.60-0017l2026", SIGN),
    ("BA/632.60.0017/2026", SIGN), ("BA/632.60-0011712026", ""), ("602-21167-10.5", ""),
    ("XBA/632.60-0017/2026", ""), ("BA/632.60-0017/20265", ""), ("1BA/632.60-0017/2026", ""), ("602-21/67-IO.5", "")])
def test_look_alikes_of_a_scan_are_mended_where_the_pattern_leaves_one_reading(read: str, sign: str) -> None:
    text = f"Ihr Zeichen: {read}\n\nAnfrage\n\nSehr geehrte Damen und Herren"
    found = OWN(Material((Page(1, 210, 297, text, source="ocr"),)))
    assert [one.value for one in found] == ([sign] if sign else [])
    assert all(one.raw == read and one.checks == (f"ocr:gelesen {read}",) and one.confidence < 0.75 for one in found)
    assert OWN(Material((page_of(text),))) == ()


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 9999), st.integers(1990, 2030), st.data())
def test_a_mended_sign_is_the_one_that_was_printed(number: int, year: int, data: st.DataObject) -> None:
    sign = f"BA/632.60-{number:04d}/{year}"
    slips = {"0": "O", "1": "l", "5": "S", "8": "B", "2": "Z", "/": "1"}
    at = data.draw(st.sampled_from([place for place, char in enumerate(sign) if char in slips]))
    assert [one for one, _, _ in OWN.mended(sign[:at] + slips[sign[at]] + sign[at + 1:])] == [sign]
    assert [*OWN.mended(sign)] == []


@given(st.sampled_from(["BA", "SA"]), st.integers(0, 999), st.integers(0, 9999), st.integers(1900, 2099),
       st.sampled_from(["", " ", "  "]), st.sampled_from(["-", "–", "‑"]), st.sampled_from(["", "Az. ", "(", "Zeichen: "]))
def test_signs_are_found_however_loosely_set(
    office: str, notation: int, number: int, year: int, blank: str, dash: str, before: str,
) -> None:
    text = f"{before}{office}{blank}/{blank}{notation}{blank}{dash}{blank}{number:04d}{blank}/{blank}{year}"
    found = OWN.find(text + ", und mehr")
    assert [reference_key(one[0]) for one in found] == [f"{office}/{notation}-{number:04d}/{year}"]
    assert text[found[0][1]:found[0][2]] == text[len(before):]


def test_a_sign_broken_at_the_line_end() -> None:
    text = "Betreff: Verfahren BA/632.60-\n0017/2026\n\nSehr geehrte Damen und Herren"
    assert [one.value for one in OWN(Material((page_of(text),)))] == [SIGN]


def test_known_signs_need_no_pattern() -> None:
    assert [one[0] for one in OWN.find("zu 10-44/17, siehe 10-44/18")] == ["10-44/17"]


def test_the_subject_of_a_mail_is_a_reference_zone() -> None:
    found = OWN(Material((page_of("Hallo"),), Envelope(subject=f"AW: {SIGN}")))
    assert found[0].evidence[0] == Evidence(ZONE, 0, None, SIGN)


# ---- the rest --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("note", "raised"), [("Persönlich / Vertraulich", True), ("Einschreiben", False)])
def test_access_words_in_the_address_field(note: str, raised: bool) -> None:
    ask = AccessWords(("persönlich", "vertraulich", "Jugendamt"))
    found = ask(printed(paper(6, notes=(note,), recipient=("Amt Mittelau", "Am Markt 4", "24998 Mittelau"))))
    assert [one.value for one in found] == (["Vertraulich"] if raised else [])
    body = paper(6, paragraphs=("das ist persönlich und vertraulich, auch für das Jugendamt",))
    assert ask(printed(body)) == ()


@given(st.floats(-3, 3))
@settings(max_examples=20, deadline=None)
def test_the_slope_is_measured_and_taken_out(skew: float) -> None:
    page = printed(paper(8), skew).pages[0]
    assert abs(slope_of(page) - skew * 3.14159 / 180) < 0.006
    straight = printed(paper(8)).pages[0]
    for one, other in zip(segments(1, page), segments(1, straight), strict=True):
        assert one.text == other.text
        assert one.box and other.box and abs(one.left - other.left) < 2.5 and abs(one.top - other.top) < 4.5


def test_segments_keep_every_word_once() -> None:
    page = printed(paper(9, block=(("Ihr Zeichen", SIGN),))).pages[0]
    kept = [word for one in segments(1, page) for word in one.words]
    assert sorted(word.text for word in kept) == sorted(word.text for word in page.words)
    for one in segments(1, page):
        assert one.words_at(0, len(one.text)) == one.words
        assert legibility(one.words) == 0.96


def test_union_of_nothing_is_an_error() -> None:
    with pytest.raises(ValueError, match="no boxes"):
        union([])


def test_a_plan_has_no_zones_in_mm() -> None:
    page = Page(1, 841.0, 1189.0, "Lageplan", (Word("Lageplan", (0.1, 0.1, 0.3, 0.12), 0.9),))
    found = zones(Material((page,)))
    assert not found[0].scale and found[0].address == ()


def test_a_street_in_the_head_is_no_sender_and_another_day_no_date_of_the_letter() -> None:
    canvas = WordCanvas()
    for x, y, text, size in (
            (25, 20, "Tischlerei Nissen & Sohn GmbH", 17), (25, 27, "Gewerbepark 3 · 24998 Mittelau · USt-IdNr. DE299100001", 9),
            (25, 61, "Tischlerei Nissen & Sohn GmbH, Gewerbepark 3, 24998 Mittelau", 7), (25, 68, "Amt Mittelau", 11),
            (25, 72.5, "Am Markt 4", 11), (25, 77, "24998 Mittelau", 11), (125, 60, "Rechnungsdatum:", 9),
            (158, 60, "06.10.2026", 9),
            (125, 65, "Leistungsdatum:", 9), (158, 65, "30.09.2026", 9), (125, 72, "Zahlbar bis:", 9), (158, 72, "05.11.2026", 9),
            (125, 85, "Lieferdatum", 9), (125, 89, "01.10.2026", 9), (25, 111, "Rechnung 2026-10417", 14)):
        canvas.text(x, y, text, size)
    found = letter(Material(canvas.pages(), received_on=date(2026, 11, 20)))
    assert value(found, "sender_name") == "Tischlerei Nissen & Sohn GmbH" and value(found, "recipient_name") == "Amt Mittelau"
    assert value(found, "sender_address") == "Gewerbepark 3, 24998 Mittelau"
    assert {one.value for one in found if one.field == "letter_date"} == {"2026-10-06"}


def test_two_leading_words_in_one_line_are_two_columns() -> None:
    canvas = WordCanvas()
    for x, y, text in ((25, 98, "Ihr Zeichen, Ihre Nachricht vom Az."), (25, 103, SIGN), (78, 103, "23 C 98/25"),
                       (161, 98, "Datum"),
                       (161, 103, "18.2.2026"), (25, 125, "Sehr geehrte Damen und Herren,")):
        canvas.text(x, y, text, 10)
    found = letter(Material(canvas.pages()))
    assert value(found, "your_reference") == SIGN and value(found, "our_reference") == "23 C 98/25"


def test_an_own_sign_whose_leading_word_cannot_be_read() -> None:
    canvas = WordCanvas()
    for x, y, text in ((125, 53, "Ihr Zeichen:"), (153, 53, SIGN), (125, 58, "NZ"), (153, 58, "kö-984/26"), (125, 63, "Datum:"),
                       (153, 63, "19.07.2026"), (25, 125, "Sehr geehrte Damen und Herren,")):
        canvas.text(x, y, text, 9)
    own = best(letter(Material(canvas.pages())), "our_reference")
    assert own is not None and own.value == "kö-984/26" and own.checks == ("label:unlesbar",) and own.confidence < 0.65


def _placed(*lines: tuple[float, float, str, float], block_each: bool = True) -> Material:
    """A page with words at mm from the left and top, each entry a line (and block) of its own; 2.5 mm high, 1.9 mm a letter."""
    words = []
    for number, (x, y, text, sure) in enumerate(lines):
        at = x
        for piece in text.split():
            words.append(Word(piece, (at / 210, y / 297, (at + 1.9 * len(piece)) / 210, (y + 2.5) / 297), sure, line=number,
                              block=number if block_each else 0))
            at += 1.9 * (len(piece) + 1)
    return Material((Page(1, 210.0, 297.0, "", tuple(words)),))


GREETING = (25.0, 115.0, "Sehr geehrte Damen und Herren,", 0.96)


def test_a_leading_word_broken_in_two_by_recognition() -> None:
    found = letter(_placed((125, 52, "Ihr Zei", 0.97), (138.5, 52, "ichen", 0.9), (149, 52, "B", 0.3),
                           (160, 52, SIGN, 0.92), (125, 57, "Unser Az.:", 0.9), (160, 57, "9 C 40/25", 0.9), GREETING))
    assert value(found, "your_reference") == SIGN
    assert value(found, "our_reference") == "9 C 40/25"


def test_the_own_sign_below_yours_without_its_leading_word() -> None:
    found = letter(_placed((125, 52, f"Ihr Zeichen: {SIGN}", 0.95), (149.7, 56.5, "III/2-16.67", 0.66), GREETING))
    assert value(found, "our_reference") == "III/2-16.67"


def test_a_line_of_the_subject_that_recognition_parted() -> None:
    found = letter(_placed((25, 100, "Sanierung der Sporthalle:", 0.96), (73.5, 100, "Übersendung", 0.95), GREETING))
    assert value(found, "subject") == "Sanierung der Sporthalle: Übersendung"


@pytest.mark.parametrize("read", ["Herm", "Herrm", "Herr", "Hern"])
def test_a_misread_form_of_address_is_no_name(read: str) -> None:
    found = letter(_placed((25, 65, read, 0.66), (25, 70, "Gerd Jürgensen", 0.95), (25, 75, "Große Twiete 42", 0.95),
                           (25, 80, "24997 Norderfeld", 0.95), GREETING))
    assert value(found, "recipient_name") == "Gerd Jürgensen"


def test_your_sign_above_the_own_one_without_its_leading_word() -> None:
    found = letter(_placed((160, 52, SIGN, 0.95), (125, 56.5, "Unser Zeichen:", 0.96), (160, 56.5, "kö-103/26", 0.9), GREETING))
    assert (value(found, "your_reference"), value(found, "our_reference")) == (SIGN, "kö-103/26")


def _stamped(*lines: tuple[float, float, str, float]) -> Material:
    """A page with a stamp region from 120 to 180 mm across, 20 to 45 mm down."""
    (page,) = _placed(*lines).pages
    region = (120 / 210, 20 / 297, 180 / 210, 45 / 297)
    return Material((Page(1, 210.0, 297.0, "", page.words, stamps=(region,)),), received_on=date(2027, 1, 1))


def test_the_day_inside_the_stamp_beats_one_beside_it() -> None:
    found = stamp(_stamped((130, 24, "EINGANG", 0.95), (130, 32, "17. Dez. 2026", 0.7), (128, 47, "12.06.2026", 0.97)))
    assert found[0].value == "2026-12-17"


@pytest.mark.parametrize(("read", "day"), [("04 APRIT. 2026", "2026-04-04"), ("24 AUG, 2026", "2026-08-24"),
                                           ("I9. Nov. 2026", "2026-11-19"), ("15.09,26", "2026-09-15"),
                                           ("02 SEPT 2026", "2026-09-02")])
def test_a_day_that_rubber_printed_badly(read: str, day: str) -> None:
    assert value(stamp(_stamped((130, 24, "Eingegangen", 0.9), (130, 32, read, 0.7))), "receipt_date") == day
