"""The job `open`: unpack, and where the delivery is one file of few pages, read it in the same process.

It is still one original in one process; a second start of the sandbox would cost a small file as much as its reading.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from intake.box.inside import read, unpack
from intake.errors import InputError


def run(order: dict[str, Any], inputs: list[Path], out: Path) -> dict[str, Any]:
    """What `unpack` answers for order["unpack"], and under `read` what `read` answers for order["read"]; None = not read yet.

    Not read here: mails, files that had to be mended first, more pages than order["most_pages"], pages that `read` refuses
    (it is asked again alone and then says why).
    """
    answer = unpack.run(order["unpack"], inputs, out)
    parts = answer["parts"]
    whole = len(parts) == 1 and parts[0]["file"] is None and parts[0]["problem"] is None
    found = None
    if whole and 0 < parts[0]["pages"] <= order["most_pages"]:
        asked = order["read"] | {"media_type": parts[0]["media_type"], "pages": list(range(1, parts[0]["pages"] + 1))}
        try:
            found = read.run(asked, inputs, out)
        except InputError:
            found = None
    return answer | {"read": found}
