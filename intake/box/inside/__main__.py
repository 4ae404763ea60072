"""The child of the box: takes its order from standard input, runs one job, writes its answer to /out.

`result.json` is what the job returned (absent when it refused the input), `ending.json` holds the reason of a refusal
and the CPU seconds of this process and all it started. Start-up stays cheap: only the module of the one job is imported.
The limits are set before anything foreign is touched.
Exit code 0 = an answer was written, 77 = out of memory, anything else = the job broke (the traceback says where).
"""

from __future__ import annotations

import json
import os
import resource
import sys
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

from intake.errors import InputError

OUT_OF_MEMORY = 77
ONE_CORE = {"OMP_THREAD_LIMIT": "1", "OPENBLAS_NUM_THREADS": "1"}
"""One core a job, for Tesseract and for numpy: the engine runs as many jobs as there are cores. Set before either is loaded."""
JOBS = ("sniff", "unpack", "open", "read", "picture", "rendition", "answer", "xdomea", "batchindex", "dkimcheck", "office",
        "canary")


def set_limits(limits: dict[str, int]) -> None:
    """Memory, CPU, file size, open files, processes and core dumps of this process and all it starts."""
    def fix(kind: int, value: int, grace: int = 0) -> None:
        resource.setrlimit(kind, (value, value + grace))
    fix(resource.RLIMIT_CORE, 0)
    fix(resource.RLIMIT_NOFILE, 256)
    fix(resource.RLIMIT_NPROC, 256)
    fix(resource.RLIMIT_FSIZE, limits["output_mib"] << 20)
    fix(resource.RLIMIT_AS, limits["memory_mib"] << 20)
    fix(resource.RLIMIT_CPU, limits["cpu_seconds"], grace=2)


def run(job: str, order: dict[str, Any], inputs: list[Path], out: Path) -> dict[str, Any]:
    """The answer of the one job asked for; only its module is imported."""
    if job not in JOBS:
        raise ValueError(f"no such job: {job}")
    answer: dict[str, Any] = import_module(f"intake.box.inside.{job}").run(order, inputs, out)
    return answer


def cpu_seconds() -> float:
    """What this process and all it has waited for have used so far."""
    usage = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in usage)


def answer(asked: dict[str, Any], out: Path) -> NoReturn:
    """Do the one job asked for, write its answer into `out` and leave; raises whatever broke the job."""
    set_limits(asked["limits"])
    inputs = [Path(f"/in/{number}") for number in range(asked["inputs"])]
    ending: dict[str, Any] = {"reason": None, "detail": ""}
    try:
        result = json.dumps(run(asked["job"], asked["order"], inputs, out))
        (out / "result.json").write_text(result, encoding="ascii")
    except InputError as error:
        ending = {"reason": error.reason.value, "detail": error.detail or str(error)}
    except MemoryError:
        sys.exit(OUT_OF_MEMORY)
    ending["cpu_seconds"] = round(cpu_seconds(), 4)
    (out / "ending.json").write_text(json.dumps(ending), encoding="ascii")
    os._exit(0)  # everything is written; taking the interpreter down in order would cost as much as a small job


def main() -> None:
    """One job from standard input to /out/result.json."""
    out = Path("/out")
    (out / "started").touch()  # tells the parent that the sandbox stands; foreign bytes come only after this
    asked = json.loads(sys.stdin.buffer.read())
    os.environ |= ONE_CORE
    answer(asked, out)


if __name__ == "__main__":
    main()
