"""The measures of the benches against what is known: an allocation of a certain size, a loop of a certain length."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent / "bench"))

from measures import cer, edit_distance

BENCH = Path(__file__).resolve().parent / "bench"
MIB = 160
HOLD = f"import time; held = bytearray({MIB} << 20); held[::4096] = b'x' * len(held[::4096]); time.sleep(0.6)"
BURN = "import time\nwhile time.process_time() < 0.5: pass"
BOXED = ("bwrap", "--unshare-all", "--die-with-parent", "--new-session", "--ro-bind", "/", "/", "--dev", "/dev", "--")
ORPHAN = ("sh", "-c", 'exec 3>&1; "$@" & sleep 0.1', "sh")  # what it starts outlives it; only its end closes the pipe
MEASURED = """
import json, subprocess, sys
sys.path.insert(0, sys.argv[1])
from measures import measured
cost = measured(lambda: subprocess.run(sys.argv[2:], check=True, stdout=subprocess.PIPE))  # until the last has ended
print(json.dumps([cost.cpu, cost.peak_mib]))
"""
WAYS = [(), pytest.param(BOXED, marks=pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is missing")), ORPHAN]


def cost_of(command: Sequence[str], program: str) -> tuple[float, float]:
    """CPU seconds and peak MiB, in a process of its own: measuring makes it the parent of all orphans."""
    line = [sys.executable, "-c", MEASURED, str(BENCH), *command, "/usr/bin/env", "python3", "-S", "-c", program]
    cpu, mib = json.loads(subprocess.run(line, check=True, capture_output=True, text=True).stdout)
    return cpu, mib


@pytest.mark.parametrize("command", WAYS)
def test_memory_of_a_known_size_is_found(command: Sequence[str]) -> None:
    """Of a child, of one in other namespaces, of an orphan."""
    assert MIB < cost_of(command, HOLD)[1] < MIB + 40


@pytest.mark.parametrize("command", WAYS)
def test_cpu_of_a_known_length_is_found(command: Sequence[str]) -> None:
    assert 0.5 <= cost_of(command, BURN)[0] < 1.5


def test_cpu_of_a_child_that_lives_on_is_found() -> None:
    """A warm box waits for its next job when the bench is over: what it did counts."""
    program = f"""
import subprocess, sys
sys.path.insert(0, {str(BENCH)!r})
from measures import measured
lasting = []
def work():
    child = "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]]); print('done', flush=True); input()"
    line = [sys.executable, "-c", child, sys.argv[1]]
    lasting.append(subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE))
    lasting[0].stdout.readline()
print(measured(work).cpu)
lasting[0].communicate()
"""
    found = subprocess.run([sys.executable, "-c", program, BURN], check=True, capture_output=True, text=True).stdout
    assert 0.5 <= float(found) < 1.5


def test_the_character_error_rate_counts_changes() -> None:
    assert cer("Gebühr § 34", "Gebuhr $ 34") == pytest.approx(2 / 11)
    assert cer("ein  Wort\n", "ein Wort") == 0
    assert [edit_distance(*pair) for pair in (("", "abc"), ("abc", ""), ("abc", "acb"), ("Haus", "Maus"))] == [3, 3, 2, 1]


def test_looking_at_the_memory_is_no_cost_of_the_work() -> None:
    cpu, mib = cost_of((), "import time; time.sleep(4)")
    with_burning, _ = cost_of((), BURN)
    assert mib > 1 and cpu < 0.15 < with_burning
