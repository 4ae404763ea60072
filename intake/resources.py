"""Files that come with the product: config/, models/ and samples/, in a checkout and in an installed wheel alike."""

from __future__ import annotations

from pathlib import Path

from intake.errors import ConfigError

_HERE = Path(__file__).resolve().parent
KINDS = ("config", "models", "samples")
"""The folders at the top of the repository that the wheel carries as `intake/_data/<kind>` (see `intake/wheel.py`)."""


def resource(*parts: str) -> Path:
    """The path of a shipped file or folder, e.g. `resource("config", "poststelle.toml")`.

    The first part is one of KINDS. Raises ConfigError when it is not there: the installation is incomplete.
    """
    if not parts or parts[0] not in KINDS:
        raise ValueError(f"the first part must be one of {KINDS}, not {parts[:1]}")
    packaged = _HERE / "_data"
    root = packaged if packaged.is_dir() else _HERE.parent
    path = root.joinpath(*parts)
    if root.resolve() not in path.resolve().parents:
        raise ValueError(f"{parts} leads out of the shipped files")
    if not path.exists():
        raise ConfigError(f"Zum Programm gehört {'/'.join(parts)}, aber {path} fehlt. Installieren Sie poststelle neu.")
    return path
