"""kill -9 of the whole group, again and again: the same end as without, nothing lost, nothing twice, no orphan alive."""

from __future__ import annotations

import os
import random
import time
from pathlib import Path

import pytest
from faults.killing import Story, drop, end_state, new_home, run_through, start, verified

SAMPLES = Path(__file__).resolve().parents[2] / "samples"
CORES = len(os.sched_getaffinity(0))


def seed_of_today() -> int:
    """A new seed every run; printed, so that a failure can be repeated with POSTSTELLE_SEED."""
    return int(os.environ.get("POSTSTELLE_SEED") or random.SystemRandom().randrange(1_000_000))


def samples() -> list[Path]:
    return sorted(path for path in SAMPLES.iterdir() if path.suffix in {".pdf", ".tif", ".jpg", ".eml"})


def undisturbed(root: Path, files: list[Path]) -> dict[str, object]:
    root.mkdir()
    home = new_home(root)
    drop(home, files)
    assert start(home).wait(timeout=1800) == 0
    return end_state(home)


def check(home: Path, story: Story, expected: dict[str, object], seed: int, told: pytest.CaptureFixture[str]) -> None:
    with told.disabled():
        print(f"\nseed {seed}: {story.kills} kills, {story.chunk_starts} starts of reading for {story.chunks} chunks")
    assert story.survivors == []
    assert end_state(home) == expected
    assert expected["filings"] == expected["filed documents"]
    found = verified(home)
    assert found["ok"], found["faults"]
    assert story.chunk_starts - story.chunks <= CORES * story.kills


@pytest.mark.timeout(900)
def test_eight_deaths_over_the_samples(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    seed = seed_of_today()
    expected = undisturbed(tmp_path / "plain", samples())
    home = new_home(tmp_path)
    drop(home, samples())
    story = run_through(home, 8, seed, 7.0)
    check(home, story, expected, seed, capsys)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("harm", ["deleted", "noise"])
def test_the_engine_database_is_lost_in_the_middle(tmp_path: Path, harm: str) -> None:
    """The cache of the engine is destroyed while the worker runs; it makes itself a new one and goes on."""
    files = samples()[:4]
    expected = undisturbed(tmp_path / "plain", files)
    home = new_home(tmp_path)
    drop(home, files)
    worker = start(home)
    path = home / "engine.db"
    deadline = time.monotonic() + 30
    while not path.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(1.5)
    path.unlink() if harm == "deleted" else path.write_bytes(os.urandom(200_000))
    assert worker.wait(timeout=600) == 0
    assert end_state(home) == expected
    assert verified(home)["ok"]


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_twenty_deaths_over_real_scans(
        tmp_path: Path, shared_data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    seed = seed_of_today()
    files = sorted((shared_data / "municipal_scans" / "pdf").glob("*.pdf"))
    assert len(files) == 25
    expected = undisturbed(tmp_path / "plain", files)
    home = new_home(tmp_path)
    drop(home, files)
    broken: list[int] = []

    def harm(kill: int) -> None:  # now and then the engine's cache breaks as well
        path = home / "engine.db"
        if kill % 7 == 3:
            path.unlink(missing_ok=True)
            broken.append(kill)
        elif kill % 7 == 6:
            path.write_bytes(os.urandom(100_000))
            broken.append(kill)

    story = run_through(home, 20, seed, 25.0, harm)
    assert broken
    check(home, story, expected, seed, capsys)
