"""Who gets a core: post before old files, old files in their turn, never more at once than there are cores."""

from __future__ import annotations

import threading
import time

import pytest

from intake.cores import Cores


def queued(cores: Cores, lanes: list[str], order: list[str]) -> list[threading.Thread]:
    """Threads that wait for a core, each noting its lane when it has one."""
    def step(lane: str) -> None:
        with cores.taken(lane):
            order.append(lane)

    threads = [threading.Thread(target=step, args=(lane,), daemon=True) for lane in lanes]
    for thread in threads:
        thread.start()
    while sum(cores._waiting.values()) < len(lanes):
        time.sleep(0.001)
    return threads


def run(lanes: list[str], share: int = 4) -> list[str]:
    """The order in which these get the only core when it is given back."""
    cores, order = Cores(1, share), list[str]()
    with cores.taken("backfile"):
        threads = queued(cores, lanes, order)
    for thread in threads:
        thread.join(10)
    return order


def test_a_letter_does_not_wait_behind_old_files() -> None:
    assert run(["backfile"] * 6 + ["post"])[0] == "post"


def test_old_files_have_their_turn_while_post_keeps_coming() -> None:
    order = run(["post"] * 10 + ["backfile"] * 2)
    assert order == ["post"] * 4 + ["backfile"] + ["post"] * 4 + ["backfile"] + ["post"] * 2


@pytest.mark.parametrize("lane", ["post", "backfile"])
def test_one_lane_alone_has_all_cores(lane: str) -> None:
    assert run([lane] * 8) == [lane] * 8


def test_never_more_at_once_than_cores_and_no_core_is_left_idle() -> None:
    cores, busy, most, lock = Cores(2, 4), 0, 0, threading.Lock()

    def step(lane: str) -> None:
        nonlocal busy, most
        with cores.taken(lane):
            with lock:
                busy += 1
                most = max(most, busy)
            time.sleep(0.002)
            with lock:
                busy -= 1

    threads = [threading.Thread(target=step, args=("post" if at % 3 else "backfile",), daemon=True) for at in range(60)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert not any(thread.is_alive() for thread in threads) and most == 2


def test_a_core_comes_back_after_an_error() -> None:
    cores = Cores(1, 4)
    with pytest.raises(ValueError), cores.taken("post"):
        raise ValueError
    with cores.taken("backfile"):
        pass
