"""How good a reading is and what it cost: character error rate, CPU of a whole process tree, memory of it."""

from __future__ import annotations

import ctypes
import os
import re
import resource
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36


def edit_distance(truth: str, found: str) -> int:
    """Levenshtein distance of two texts (Hyyrö's bit-parallel form, a row of the table is one whole number)."""
    if not truth:
        return len(found)
    places: dict[str, int] = {}
    for index, character in enumerate(truth):
        places[character] = places.get(character, 0) | 1 << index
    mask, last = (1 << len(truth)) - 1, 1 << (len(truth) - 1)
    plus, minus, score = mask, 0, len(truth)
    for character in found:
        same = places.get(character, 0)
        diagonal = ((((same & plus) + plus) ^ plus) | same | minus) & mask
        up, down = minus | ~(diagonal | plus) & mask, plus & diagonal
        score += bool(up & last) - bool(down & last)
        up, down = (up << 1 | 1) & mask, (down << 1) & mask
        plus, minus = down | ~(diagonal | up) & mask, diagonal & up
    return score


def normal(text: str) -> str:
    """What counts in a comparison: one blank for any white space, one kind of quote and dash, no soft hyphen."""
    text = text.replace("\u00ad", "").translate(str.maketrans("„“”‚‘’`´–—", '"""' + "'''''" + "--"))
    return re.sub(r"\s+", " ", text).strip()


def cer(truth: str, found: str) -> float:
    """Character error rate: edit distance over the length of the truth, white space normalised."""
    return edit_distance(normal(truth), normal(found)) / max(len(normal(truth)), 1)


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU and wall seconds, and the highest sum of PSS (MiB) of all processes below this one; 0 where not measured."""

    cpu: float
    wall: float
    peak_mib: float


def become_subreaper() -> None:
    """Orphans of our children become ours, so that their CPU is counted (bubblewrap's outer process ends first)."""
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")


def _reap() -> None:
    while True:
        try:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                return
        except ChildProcessError:
            return


def _children_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def measured(work: Callable[[], object], *, memory: bool = True, every: float = 0.1) -> Cost:
    """What `work` cost, with all processes it started. Its own process counts as well, but for looking at the memory; nothing
    else may run in it. `every`: seconds between two looks at the memory; each takes 15 ms, more of large processes."""
    become_subreaper()
    with _watched(memory, every) as (peak, looking):
        before, start = _all_cpu(), time.monotonic()
        work()
        wall = time.monotonic() - start
        time.sleep(0.05)
        _reap()
        return Cost(_all_cpu() - before - looking[0], wall, max(peak))


def _all_cpu() -> float:
    """CPU seconds of this process, of its children that have ended, and of those that still wait for work (warm boxes)."""
    alive = 0
    for pid in _below(os.getpid()):
        try:
            fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
        except OSError:
            continue  # ended while we looked: counted with the children
        alive += sum(int(value) for value in fields[11:15])  # its own and that of its ended children, in ticks
    return time.process_time() + _children_cpu() + alive / os.sysconf("SC_CLK_TCK")


@contextmanager
def _watched(memory: bool, every: float) -> Iterator[tuple[list[float], list[float]]]:
    """The memory seen so far, and the CPU seconds that looking took (one number)."""
    peak, looking, done = [0.0], [0.0], threading.Event()

    def watch() -> None:
        while not done.wait(every):
            peak.append(_tree_pss_mib(os.getpid()))
            looking[0] = time.thread_time()

    watcher = threading.Thread(target=watch, daemon=True)
    if memory:
        watcher.start()
    try:
        yield peak, looking
    finally:
        done.set()
        if memory:
            watcher.join()


def _tree_pss_mib(root: int) -> float:
    """Sum of PSS of all processes below `root`, without `root` itself, in MiB.

    Children in namespaces of their own (the box) have a number here, too; orphans come to a subreaper (`become_subreaper`).
    """
    return sum(_pss_kib(pid) for pid in _below(root)) / 1024


def _below(root: int) -> set[int]:
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text(errors="replace").rpartition(")")[2].split()[1])
            except OSError:
                continue  # ended while we looked
    tree, grew = {root}, True
    while grew:
        more = {pid for pid, parent in parents.items() if parent in tree} - tree
        tree, grew = tree | more, bool(more)
    return tree - {root}


def _pss_kib(pid: int) -> int:
    """PSS of a process; where the kernel does not tell it (memory closed to others), its RSS, which is never less."""
    try:
        found = re.search(r"^Pss:\s+(\d+)", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE)
        return int(found[1]) if found else 0
    except OSError:
        pass
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 1024
    except OSError:
        return 0  # ended while we looked
