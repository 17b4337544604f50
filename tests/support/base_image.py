"""A base image without a pull: this machine's own Python, imported under the name that a Dockerfile asks for."""

import io
import os
import re
import subprocess
import sys
import sysconfig
import tarfile
from pathlib import Path

import docker

_LEFT_OUT = {"site-packages", "test", "idlelib", "__pycache__", "tkinter", "turtledemo", "ensurepip", "lib2to3"}


def import_base_image(name: str) -> None:
    """Give the daemon an image `name` with python3 and sh, if it has none."""
    client = docker.from_env()
    try:
        if any(name in image.tags for image in client.images.list()):
            return
        repository, _, tag = name.rpartition(":")
        client.api.import_image_from_data(
            _tarball(), repository=repository, tag=tag, changes=["ENV PATH=/usr/local/bin:/usr/bin:/bin"]
        )
    finally:
        client.close()


def _tarball() -> bytes:
    data = io.BytesIO()
    python = Path(sys.executable).resolve()
    with tarfile.open(fileobj=data, mode="w") as tar:
        library = Path(sysconfig.get_path("stdlib"))
        _add_folders(tar, library, Path("/usr/local/bin/python3"), Path("/bin/sh"))
        tar.add(library, filter=_without_the_rest)
        for binary in (python, Path("/bin/sh").resolve(), *library.glob("lib-dynload/*.so")):
            _add(tar, binary)
        _link(tar, "usr/local/bin/python3", str(python))
        _link(tar, "bin/sh", str(Path("/bin/sh").resolve()))
        for directory in ("tmp", "app"):
            entry = tarfile.TarInfo(directory)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o1777
            tar.addfile(entry)
    return data.getvalue()


def _add_folders(tar: tarfile.TarFile, *paths: Path) -> None:
    """Name the folders above `paths`: those that an archive leaves out are closed to every user but root."""
    known = set(tar.getnames())
    for folder in sorted({parent for path in paths for parent in path.parents if parent != Path("/")}):
        if str(folder).lstrip("/") not in known:
            entry = tarfile.TarInfo(str(folder).lstrip("/"))
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(entry)


def _without_the_rest(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
    parts = Path(entry.name).parts
    return None if _LEFT_OUT & set(parts) or any(part.startswith("config-") for part in parts) else entry


def _add(tar: tarfile.TarFile, binary: Path) -> None:
    """Add a program and the shared libraries that it is linked to."""
    known = set(tar.getnames())
    linked = subprocess.run(["ldd", str(binary)], capture_output=True, text=True, check=True).stdout
    for path in [str(binary), *re.findall(r"(/\S+) \(0x", linked)]:
        if path.lstrip("/") not in known:
            _add_folders(tar, Path(path))
            tar.add(os.path.realpath(path), arcname=path.lstrip("/"))
            known.add(path.lstrip("/"))


def _link(tar: tarfile.TarFile, name: str, target: str) -> None:
    if name in tar.getnames():
        return
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname = tarfile.SYMTYPE, target
    tar.addfile(entry)
