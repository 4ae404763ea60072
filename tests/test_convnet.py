"""Small convolutional networks in numpy (intake/box/inside/convnet.py), compared with sums written out."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.box.inside.convnet import ARRAYS, META, Grid, Layer, loaded, run


def written_out(picture: Grid, layer: Layer) -> Grid:
    """One convolution of one channel by the definition, a sum for each place."""
    out, _, rows, columns = layer.weight.shape
    down, across = (1 if rows == 1 else layer.dilation), layer.dilation
    above, aside = (0 if layer.flat else down * (rows // 2)), across * (columns // 2)
    high = (picture.shape[0] + 2 * above - down * (rows - 1) - 1) // layer.stride + 1
    wide = (picture.shape[1] + 2 * aside - across * (columns - 1) - 1) // layer.stride + 1
    found = np.zeros((out, high, wide), np.float32)
    for channel in range(out):
        for y in range(high):
            for x in range(wide):
                total = float(layer.bias[channel])
                for row in range(rows):
                    for column in range(columns):
                        at = (y * layer.stride + row * down - above, x * layer.stride + column * across - aside)
                        if 0 <= at[0] < picture.shape[0] and 0 <= at[1] < picture.shape[1]:
                            total += float(layer.weight[channel, 0, row, column]) * float(picture[at])
                found[channel, y, x] = total if layer.last else max(total, 0.0)
    return found


def drawn(seed: int, *shape: int) -> Grid:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


@given(st.integers(0, 999), st.integers(5, 12), st.integers(5, 14), st.integers(1, 2), st.integers(1, 2), st.booleans())
def test_a_convolution_is_its_definition(seed: int, high: int, wide: int, stride: int, dilation: int, last: bool) -> None:
    layer = Layer(drawn(seed, 3, 1, 3, 3), drawn(seed + 1, 3), stride=stride, dilation=dilation, last=last)
    picture = drawn(seed + 2, high, wide)
    assert np.allclose(run([layer], picture), written_out(picture, layer), atol=1e-4)


def test_along_one_row() -> None:
    layer = Layer(drawn(4, 2, 1, 1, 5), drawn(5, 2), dilation=2, last=True)
    picture = drawn(6, 1, 20)
    found = run([layer], picture)
    assert found.shape == (2, 1, 20) and np.allclose(found, written_out(picture, layer), atol=1e-4)


def test_a_flat_layer_makes_one_row_of_as_many_as_it_is_high() -> None:
    layer = Layer(drawn(7, 2, 1, 3, 3), drawn(8, 2), flat=True)
    picture = drawn(9, 3, 10)
    found = run([layer], picture)
    assert found.shape == (2, 1, 10) and np.allclose(found, written_out(picture, layer), atol=1e-4)


def test_the_largest_of_a_pool_is_kept_and_what_is_left_over_dropped() -> None:
    same = Layer(np.ones((1, 1, 1, 1), np.float32), np.zeros(1, np.float32), pool=(2, 3))
    picture = np.arange(35, dtype=np.float32).reshape(5, 7)
    assert run([same], picture).tolist() == [[[9.0, 12.0], [23.0, 26.0]]]


def test_layers_follow_each_other_and_channels_are_added() -> None:
    first = Layer(np.array([[[[1.0]]], [[[-1.0]]]], np.float32), np.zeros(2, np.float32))  # what is above zero, what is below
    second = Layer(np.array([[[[1.0]], [[1.0]]]], np.float32), np.array([0.5], np.float32), last=True)
    picture = np.array([[2.0, -3.0]], np.float32)
    assert run([first, second], picture).tolist() == [[[2.5, 3.5]]]


def test_a_picture_smaller_than_its_kernel_is_an_error() -> None:
    layer = Layer(drawn(1, 1, 1, 5, 5), drawn(2, 1), flat=True)
    with pytest.raises(ValueError, match=r"negative|dimension"):
        run([layer], drawn(3, 2, 9))


def test_a_model_is_its_layers_by_name(tmp_path: Path) -> None:
    shapes = {"one.0": (4, 1, 3, 3), "one.1": (2, 4, 1, 1), "two.0": (1, 1, 1, 1)}
    weights = {name.replace(".", ".w"): drawn(1, *shape).astype(np.float16) for name, shape in shapes.items()}
    biases = {name.replace(".", ".b"): drawn(2, shape[0]) for name, shape in shapes.items()}
    np.savez_compressed(tmp_path / ARRAYS, **weights, **biases)
    (tmp_path / META).write_text(json.dumps({"alphabet": "12", "layers": {
        "one": [{"stride": 2, "pool": [2, 1]}, {"last": True}], "two": [{"last": True}]}}))
    model = loaded(tmp_path)
    assert model.alphabet == "12" and set(model.networks) == {"one", "two"}
    first, last = model.networks["one"]
    assert (first.stride, tuple(first.pool), first.last, last.last) == (2, (2, 1), False, True)
    assert first.weight.dtype == np.float32 and run(model.networks["one"], drawn(7, 16, 16)).shape == (2, 4, 8)
    assert loaded(tmp_path) is model  # read once


def test_a_model_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=META):
        loaded(tmp_path / "none")
