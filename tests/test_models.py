"""The shipped models fit the code that is shipped with them: they load, answer, and are what their cards say."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from classifiers import artefacts, boundary
from intake.box.inside.convnet import loaded
from intake.vocabulary import Page

MODELS = Path(__file__).resolve().parents[1] / "models"
FOLDERS = sorted(path.parent for path in MODELS.glob("*/*/card.toml"))


def page(number: int, text: str) -> Page:
    return Page(number, 210.0, 297.0, text)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: f"{folder.parent.name}-{folder.name}")
def test_bytes_and_card_belong_together(folder: Path) -> None:
    assert artefacts.load(folder).card["name"] == folder.parent.name
    card = tomllib.loads((folder / "card.toml").read_text(encoding="utf-8"))
    assert card["licence"] and card["measures"] and card["data"]
    drawn = card["name"] in ("stampday", "signs")  # no document is behind what they learnt
    assert drawn or card["least_documents_of_a_term"] >= 5
    assert sum(path.stat().st_size for path in folder.iterdir()) <= 20 * 2**20


def test_the_shipped_boundary_model_sees_where_a_letter_begins() -> None:
    cut = boundary.load(MODELS / "boundary" / "1")
    first = "Gemeinde Auenland\nDer Bürgermeister\n\nBeschlussvorlage Nr. 12/2019\nSeite 1 von 2\n\nSachverhalt:"
    second = "Seite 2 von 2\n\nBeschlussvorschlag:\nDer Rat stimmt zu.\n\nMit freundlichen Grüßen\nMüller"
    other = "Landkreis Auenland\n\nNiederschrift über die Sitzung vom 07.03.2020\nSeite 1 von 1\n\nTOP 1: Eröffnung der Sitzung"
    stack = cut([page(1, first), page(2, second), page(3, other)])
    assert stack.firsts[0] == 0 and 0.0 < stack.probability <= 1.0
    assert len(stack.starts) == 3 and all(start.evidence for start in stack.starts[1:])
    assert stack.starts[2].probability > stack.starts[1].probability, "a new head against a page that goes on"


def test_the_shipped_model_of_stamps_has_both_networks_as_its_card_says() -> None:
    folder = MODELS / "stampday" / "1"
    nets, card = loaded(folder), artefacts.load(folder).card
    assert nets.networks["places"][-1].weight.shape[0] == 5
    assert nets.networks["reader"][-1].weight.shape[0] == len(nets.alphabet) + 1
    assert all(layer.last == (layer is layers[-1]) for layers in nets.networks.values() for layer in layers)
    assert card["measures"]["reader_silent"] > 0.9 and card["measures"]["reader_right"] > 0.5


def test_the_shipped_model_of_signs_is_as_its_card_says() -> None:
    folder = MODELS / "signs" / "1"
    model, card = loaded(folder), artefacts.load(folder).card
    (layers,) = model.networks.values()
    assert layers[-1].weight.shape[0] == len(model.alphabet) + 1 and len(set(model.alphabet)) == len(model.alphabet)
    assert [layer.last for layer in layers] == [False] * (len(layers) - 1) + [True]
    assert card["measures"]["reader_right"] > 0.8
