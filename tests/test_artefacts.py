"""Models on disk: what was stored comes back, what was changed is refused."""

from __future__ import annotations

import tomllib
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifiers import artefacts
from intake.errors import ConfigError

ARRAYS = {"weights": np.arange(6, dtype=np.float32).reshape(2, 3), "words": np.array(["Grün", "Müll"])}
CARD = {"name": "probe", "trained_on": date(2026, 11, 1), "documents": 12, "measures": {"accuracy": 0.91, "top 3": 0.97}}


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    folder = tmp_path / "probe" / "1"
    artefacts.save(folder, ARRAYS, {"classes": ["a", "ß"]}, CARD)
    return folder


def test_what_was_stored_comes_back(stored: Path) -> None:
    found = artefacts.load(stored)
    assert {name: array.tolist() for name, array in found.arrays.items()} == {
        name: array.tolist() for name, array in ARRAYS.items()}
    assert found.meta == {"classes": ["a", "ß"]}
    assert {name: found.card[name] for name in CARD} == CARD
    assert set(found.card["sha256"]) == {"arrays.npz", "meta.json"}


@pytest.mark.parametrize("name", ["arrays.npz", "meta.json"])
def test_a_changed_byte_is_refused(stored: Path, name: str) -> None:
    data = bytearray((stored / name).read_bytes())
    data[len(data) // 2] ^= 1
    (stored / name).write_bytes(data)
    with pytest.raises(ConfigError, match="Modellkarte"):
        artefacts.load(stored)


@pytest.mark.parametrize("name", ["arrays.npz", "meta.json", "card.toml"])
def test_a_missing_file_is_refused(stored: Path, name: str) -> None:
    (stored / name).unlink()
    with pytest.raises(ConfigError, match="unvollständig"):
        artefacts.load(stored)


def test_a_card_that_is_no_toml_is_refused(stored: Path) -> None:
    (stored / "card.toml").write_text("= 1")
    with pytest.raises(ConfigError):
        artefacts.load(stored)


def test_a_complete_model_is_never_overwritten(stored: Path) -> None:
    with pytest.raises(FileExistsError):
        artefacts.save(stored, ARRAYS, {}, CARD)


def test_objects_are_not_stored(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="objects"):
        artefacts.save(tmp_path / "x", {"o": np.array([{}, []], dtype=object)}, {}, CARD)


@given(st.dictionaries(st.text("abcxyz_", min_size=1), st.text() | st.integers(-2**60, 2**60) | st.booleans() | st.dates()
                       | st.lists(st.text()) | st.floats(allow_nan=False, allow_infinity=False)),
       st.dictionaries(st.text(), st.floats(allow_nan=False, allow_infinity=False)))
def test_any_card_can_be_read_again(plain: dict[str, object], table: dict[str, float]) -> None:
    card = {**plain, "z-measures": table}
    try:
        text = artefacts.render_card(card)
        text.encode()
    except UnicodeEncodeError:
        return  # half a surrogate is no text
    assert tomllib.loads(text) == card
