"""Models on disk: plain arrays and JSON beside a card, never a pickle; what the card says is checked before anything is used.

`models/<name>/<version>/` (shipped) or `store/<tenant>/models/<name>/<version>/` (a town's own) holds `arrays.npz`,
`meta.json` and `card.toml`: trained when, on what, with which measures, and the SHA-256 of the two files.
"""

from __future__ import annotations

import hashlib
import json
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from intake.errors import ConfigError

ARRAYS, META, CARD = "arrays.npz", "meta.json", "card.toml"
Value = str | int | float | bool | date | datetime | list[Any] | Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Artefact:
    """A model as stored: its numbers, its words and settings, and its card (table `sha256` included)."""

    arrays: Mapping[str, NDArray[Any]]
    meta: Mapping[str, Any]
    card: Mapping[str, Any]


def save(folder: Path, arrays: Mapping[str, NDArray[Any]], meta: Mapping[str, Any], card: Mapping[str, Value]) -> None:
    """Write a model into the new folder `folder`; the card comes last and durably, so that a half-written model is none.

    `card` may hold strings, numbers, dates, lists of them and one level of tables. Raises FileExistsError where a complete
    model lies already, TypeError for arrays of objects (they would need a pickle).
    """
    folder.mkdir(parents=True, exist_ok=True)
    if (folder / CARD).exists():
        raise FileExistsError(folder / CARD)
    if wrong := [name for name, array in arrays.items() if array.dtype.hasobject]:
        raise TypeError(f"arrays of objects cannot be stored: {', '.join(wrong)}")
    np.savez_compressed(folder / ARRAYS, **dict(arrays))  # type: ignore[arg-type]
    (folder / META).write_text(json.dumps(meta, ensure_ascii=False, sort_keys=True), encoding="utf-8")
    sums = {name: _sha256(folder / name) for name in (ARRAYS, META)}
    draft = folder / f"{CARD}.new"
    with draft.open("w", encoding="utf-8") as file:
        file.write(render_card({**card, "sha256": sums}))
        file.flush()
        os.fsync(file.fileno())
    draft.replace(folder / CARD)


def load(folder: Path) -> Artefact:
    """The model in `folder`, its bytes compared with the card; raises ConfigError when it is incomplete or was changed."""
    try:
        card = tomllib.loads((folder / CARD).read_text(encoding="utf-8"))
        sums = card.get("sha256", {})
        for name in (ARRAYS, META):
            if _sha256(folder / name) != sums.get(name):
                raise ConfigError(f"{folder / name} ist nicht die Datei, die auf der Modellkarte steht. "
                                  "Holen Sie das Modell neu, oder nehmen Sie ein anderes: poststelle model use")
        with np.load(folder / ARRAYS, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        meta = json.loads((folder / META).read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError, ValueError, BadZipFile) as error:
        raise ConfigError(f"Das Modell in {folder} ist unvollständig oder beschädigt ({type(error).__name__}). "
                          "Holen Sie es neu, oder nehmen Sie ein anderes: poststelle model use") from error
    return Artefact(arrays, meta, card)


def render_card(card: Mapping[str, Any]) -> str:
    """The card as TOML: plain values first, then the tables."""
    plain = [f"{name} = {_toml(value)}" for name, value in card.items() if not isinstance(value, Mapping)]
    tables = [f"\n[{name}]\n" + "\n".join(f"{_toml(str(key))} = {_toml(item)}" for key, item in value.items())
              for name, value in card.items() if isinstance(value, Mapping)]
    return "\n".join([*plain, *tables]) + "\n"


def _toml(value: Any) -> str:
    if isinstance(value, date):  # a datetime too
        return value.isoformat()
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
