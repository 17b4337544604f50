"""A process whose output is followed line by line, within a time limit."""

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

from gitops.errors import GitopsError

DRAIN = 2.0
"""Seconds that output is still waited for after the process ended: what it left in the background may hold it open."""


def follow(
    command: Sequence[str], *, folder: Path, env: Mapping[str, str], line: Callable[[str], None], timeout: float
) -> int:
    """Run `command` in `folder` with exactly `env`, hand on each line of stdout and stderr, and return its status.

    Raises `GitopsError` where it cannot be started, or takes longer than `timeout` seconds: then it is stopped, with
    all that it started.
    """
    try:
        process = subprocess.Popen(
            list(command),
            cwd=folder,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except OSError as error:
        raise GitopsError(
            command[0], f"cannot be started ({error.strerror})", "install it, or put it on PATH"
        ) from error
    assert process.stdout
    reader = threading.Thread(target=_read, args=(process.stdout, line), daemon=True)
    reader.start()
    try:
        return process.wait(timeout)
    except subprocess.TimeoutExpired as error:
        raise GitopsError(
            command[0], f"took over {timeout:.0f} s and was stopped", "give more with --timeout"
        ) from error
    finally:
        _stop(process)
        reader.join(DRAIN)


def _read(stream: IO[bytes], line: Callable[[str], None]) -> None:
    with stream:
        for raw in stream:
            line(raw.decode("utf-8", "replace").rstrip("\r\n"))


def _stop(process: "subprocess.Popen[bytes]") -> None:
    """End what still runs of an unfinished command. What a finished one left behind goes on, as in CodeBuild."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
