"""Build hook of the wheel (named in pyproject.toml): config/, models/ and samples/ travel as `intake/_data/`.

They lie at the top of the repository, where people look for them, and inside the package once installed;
`intake.resources.resource` finds them in both places. Used by setuptools only, never at run time.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from setuptools.command.build_py import build_py  # type: ignore[import-untyped]

KINDS = ("config", "models", "samples")


def shipped(root: Path) -> list[Path]:
    """All files below the KINDS folders of `root`, sorted, without code (the samples' generator), caches and hidden files."""
    return sorted(
        path for kind in KINDS for path in (root / kind).rglob("*")
        if path.is_file() and path.suffix != ".py" and "__pycache__" not in path.parts and not path.name.startswith("."))


class BuildWithData(build_py):  # type: ignore[misc]
    """`build_py` that also copies the shipped files; an editable install reads them where they lie."""

    def run(self) -> None:
        """Build the packages, then lay the data beside them."""
        super().run()
        if self.editable_mode:
            return
        data = Path(self.build_lib) / "intake" / "_data"
        for source in shipped(Path()):
            target = data / source
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)

    def get_source_files(self) -> list[str]:
        """What a source distribution must carry, too."""
        return [*super().get_source_files(), *(str(path) for path in shipped(Path()))]
