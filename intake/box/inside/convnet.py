"""Small convolutional networks run with numpy alone: layers one after the other, on one core."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Grid = NDArray[np.float32]
ARRAYS, META = "arrays.npz", "meta.json"


@dataclass(frozen=True, slots=True)
class Layer:
    """A convolution (`weight`: out x in x rows x columns), rectified unless `last`, with the largest of each `pool` kept."""

    weight: Grid
    bias: Grid
    stride: int = 1
    dilation: int = 1
    pool: Sequence[int] = (1, 1)
    flat: bool = False  # as high as its picture, which it makes one row of
    last: bool = False


@dataclass(frozen=True)
class Model:
    """The networks of a model by name, and the letters after the blank that those which read know."""

    networks: Mapping[str, tuple[Layer, ...]]
    alphabet: str


@lru_cache(maxsize=4)
def loaded(folder: Path) -> Model:
    """The model in a folder. Raises OSError where a file is missing."""
    meta = json.loads((folder / META).read_text(encoding="utf-8"))
    with np.load(folder / ARRAYS, allow_pickle=False) as arrays:
        networks = {name: tuple(Layer(arrays[f"{name}.w{number}"].astype(np.float32), arrays[f"{name}.b{number}"], **form)
                                for number, form in enumerate(forms)) for name, forms in meta["layers"].items()}
    return Model(networks, meta["alphabet"])


def run(layers: Sequence[Layer], picture: Grid) -> Grid:
    """What the last layer says (channels x rows x columns) of a picture (rows x columns)."""
    values = picture[None]
    for layer in layers:
        values = _pooled(_convolved(values, layer), layer.pool)
    return values


def _convolved(values: Grid, layer: Layer) -> Grid:
    """Each tap of the kernel is a shifted copy of the picture; one product of matrices does the rest."""
    out, channels, rows, columns = layer.weight.shape
    down, across = (1 if rows == 1 else layer.dilation), layer.dilation
    above, aside = (0 if layer.flat else down * (rows // 2)), across * (columns // 2)
    padded = np.pad(values, ((0, 0), (above, above), (aside, aside)))
    high = (padded.shape[1] - down * (rows - 1) - 1) // layer.stride + 1
    wide = (padded.shape[2] - across * (columns - 1) - 1) // layer.stride + 1
    taps = np.empty((channels, rows, columns, high, wide), np.float32)
    for row in range(rows):
        for column in range(columns):
            taps[:, row, column] = padded[:, row * down:row * down + (high - 1) * layer.stride + 1:layer.stride,
                                          column * across:column * across + (wide - 1) * layer.stride + 1:layer.stride]
    found: Grid = layer.weight.reshape(out, -1) @ taps.reshape(-1, high * wide) + layer.bias[:, None]
    if not layer.last:
        np.maximum(found, 0, out=found)
    return found.reshape(out, high, wide)


def _pooled(values: Grid, pool: Sequence[int]) -> Grid:
    """The largest of each `pool` rows and columns; what is left over at the edges is dropped."""
    if tuple(pool) == (1, 1):
        return values
    rows, columns = values.shape[1] // pool[0], values.shape[2] // pool[1]
    cut = values[:, :rows * pool[0], :columns * pool[1]]
    largest: Grid = cut.reshape(values.shape[0], rows, pool[0], columns, pool[1]).max(axis=(2, 4))
    return largest
