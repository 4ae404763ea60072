"""Words in the order of a rendition: nothing lost that a text layer needs, small enough for long files."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from drawn import written
from hypothesis import given
from hypothesis import strategies as st

from intake.box.inside import packed, rendition
from intake.box.inside.pdf import Pdf
from intake.box.inside.textlayer import words_of
from intake.box.results import RenditionPage
from intake.vocabulary import Page, Word

sides = st.floats(0, 1).map(lambda value: round(value, 5))
words = st.builds(Word, st.text(st.characters(codec="utf-8"), min_size=1, max_size=20), st.tuples(sides, sides, sides, sides),
                  st.just(1.0), line=st.integers(0, 999), block=st.integers(0, 99))


@given(st.lists(words, max_size=40))
def test_words_come_back_as_they_were(found: list[Word]) -> None:
    said = packed.pack(found)
    assert said.isascii()
    assert packed.unpack(said) == tuple(found)


def test_a_full_page_is_small() -> None:
    """800 words of 500 pages must not fill memory: below 12 kB a page, a tenth of the plain form."""
    boxes = [(number % 12 / 12, number / 810, number % 12 / 12 + 0.07, number / 810 + 0.01) for number in range(800)]
    page = tuple(Word(f"Wort{number * 7919 % 1000}", box, 0.9, line=number // 12) for number, box in enumerate(boxes))
    plain = len(json.dumps([asdict(word) for word in page]))
    assert len(packed.pack(page)) < min(12_000, plain / 10)


def test_an_order_says_everything_but_the_text() -> None:
    page = Page(3, 210.0, 297.0, text="Guten Tag", rotation=90, skew=0.5, source="ocr",
                words=(Word("Guten", (0.1, 0.1, 0.2, 0.12), 0.9, raw="Gutcn"), Word("Tag", (0.3, 0.1, 0.4, 0.12), 0.9)))
    leaf = rendition.leaf_of(json.loads(json.dumps(packed.told(RenditionPage(1, 3, 180, page)))))
    assert (leaf.source, leaf.number, leaf.turn, leaf.rotation, leaf.skew, leaf.scanned) == (1, 3, 180, 90, 0.5, True)
    assert [(word.text, word.box) for word in packed.unpack(leaf.packed)] == [(word.text, word.box) for word in page.words]
    assert "Guten" not in json.dumps(packed.told(RenditionPage(1, 3, 180, page)))


def test_both_forms_of_an_order_give_the_same_layer(tmp_path: Path) -> None:
    written().save(tmp_path / "a.png", dpi=(200, 200))
    page = Page(1, 210.0, 297.0, words=(Word("Gemeinde", (0.12, 0.15, 0.25, 0.165), 0.9),
                                        Word("§", (0.26, 0.15, 0.27, 0.165), 0.9)), source="ocr")
    layers = []
    for name, said in (("packed", packed.told(RenditionPage(0, 1, 0, page))), ("plain", asdict(RenditionPage(0, 1, 0, page)))):
        out = tmp_path / name
        out.mkdir()
        rendition.run({"sources": ["image/png"], "pages": [said], "title": "Antrag"}, [tmp_path / "a.png"], out)
        layers.append(words_of(Pdf(out / "rendition.pdf").page(1))[0])
    assert layers[0] == layers[1]
    assert [word.text for word in layers[0]] == ["Gemeinde", "§"]
