"""The measurement of the feeder's pick, run as a measurement on both databases."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent / "bench"))
import waiting as bench


@pytest.mark.bench
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_the_pick_is_flat(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    if kind == "sqlite":
        urls = [f"sqlite:///{tmp_path / str(size)}.db" for size in bench.SIZES]
    else:
        create: Callable[[], str] = request.getfixturevalue("new_postgresql")
        urls = [create() for _ in bench.SIZES]
    assert 0.8 <= bench.compare(dict(zip(bench.SIZES, urls, strict=True))) <= 1.2
