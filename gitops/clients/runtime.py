"""The Python that a buildspec asks for, found on this machine."""

import os
import shutil
from pathlib import Path


def python_path(version: str, shims: Path, path: str) -> str | None:
    """A PATH on which `python3` is Python `version`, by a link in the folder `shims`; None where PATH has none."""
    found = shutil.which(f"python{version}", path=path)
    if found is None:
        return None
    shims.mkdir(parents=True, exist_ok=True)
    for name in ("python", "python3"):
        (shims / name).symlink_to(found)
    return f"{shims}{os.pathsep}{path}"
