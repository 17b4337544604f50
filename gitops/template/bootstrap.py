"""How a build gets the toolkit: the image's Python, a venv, every package by its hash. Nothing is piped into Python.

One hash is trusted, that of the toolkit's wheel: the stack knows it. The wheel carries the lock of all the rest.
"""

import textwrap
from collections.abc import Sequence

from gitops import __version__

OLDEST_PYTHON, NEWEST_PYTHON = "3.11", "3.14"
"""Python minors that the toolkit runs on, both included."""

LOCK_IN_WHEEL = "gitops/_trees/requirements/runtime.lock"
"""Where the wheel carries the hashed lock of the toolkit's dependencies."""

LINE = "@LINE@"
"""Stands for the line of `runtime-versions` in the file, which is known once the file is written."""


def supported(python: str) -> bool:
    """Whether the toolkit runs on this minor version, such as "3.13"."""
    return _number(OLDEST_PYTHON) <= _number(python) <= _number(NEWEST_PYTHON)


def _number(python: str) -> tuple[int, ...]:
    return tuple(int(part) for part in python.split("."))


def check_command(file: str, python: str, image: str) -> str:
    """Shell that ends with 1 and one sentence on a Python below the oldest, or none. Python 2.7 can read it too."""
    oldest = ", ".join(OLDEST_PYTHON.split("."))
    wanted = (
        f"was found, gitops needs {OLDEST_PYTHON} to {NEWEST_PYTHON};"
        f' set this line to python: \\"{python}\\" and the image to one that has it ({image})'
    )
    others = " || ".join(f"command -v python3.{minor}" for minor in range(14, 10, -1))
    return (
        f'PYTHON="$(command -v python3 || {others})" ||'
        f' {{ echo "{file}:{LINE}: no Python {wanted}" >&2; exit 1; }}\n'
        # The check is the last line: its status is the command's.
        "export PYTHON\n"
        f'"$PYTHON" -c \'import sys; sys.version_info < ({oldest}) and '
        f'sys.exit("{file}:{LINE}: Python %d.%d {wanted}" % sys.version_info[:2])\'\n'
    )


def venv_command(file: str, image: str) -> str:
    """Shell that makes the venv, or says in one sentence what the image lacks for it."""
    lacks = f"{file}:{LINE}: $PYTHON has no venv module; install python3-venv in the image, or set it to {image}"
    return (
        "\"$PYTHON\" -c 'import ensurepip, venv' 2>/dev/null ||"
        f' {{ echo "{lacks}" >&2; exit 1; }}\n'
        '"$PYTHON" -m venv "$TOOLKIT/venv"\n'
    )


def commands(file: str, python: str, image: str, from_index: bool) -> Sequence[str]:
    """The shell lines that put `gitops` on PATH. The stack sets what they read: GITOPS_WHEEL, GITOPS_WHEEL_SHA256."""
    return (
        check_command(file, python, image),
        'export TOOLKIT="$(mktemp -d)"',
        venv_command(file, image),
        # PIP_USER of an image would have pip leave the venv, which it refuses.
        'export PATH="$TOOLKIT/venv/bin:$PATH" PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_USER=0',
        _fetch_from_index() if from_index else _fetch_from_bucket(),
        'export WHEEL="$(echo "$TOOLKIT"/gitops-*.whl)"',
        'echo "$GITOPS_WHEEL_SHA256  $WHEEL" | sha256sum --check --quiet',
        'python -m zipfile --extract "$WHEEL" "$TOOLKIT/wheel"',
        f'python -m pip install --quiet --require-hashes --only-binary :all: -r "$TOOLKIT/wheel/{LOCK_IN_WHEEL}"',
        'python -m pip install --quiet --no-deps --no-index "$WHEEL"',
        "gitops --version",
    )


def _fetch_from_bucket() -> str:
    return textwrap.dedent("""\
        case "$GITOPS_WHEEL" in
          s3://*) aws s3 cp --only-show-errors "$GITOPS_WHEEL" "$TOOLKIT/" ;;
          *) cp "$GITOPS_WHEEL" "$TOOLKIT/" ;;
        esac
        """)


def _fetch_from_index() -> str:
    return f'python -m pip download --quiet --no-deps --only-binary :all: --dest "$TOOLKIT" gitops=={__version__}'
