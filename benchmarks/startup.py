"""How long gitops takes to start, beside a bare interpreter. `python -m benchmarks.startup`."""

import compileall
import statistics
import subprocess
import sys
import time
from pathlib import Path

RUNS = 15


def median_ms(command: list[str]) -> float:
    """The median wall time of `command` in milliseconds, warm."""
    subprocess.run(command, check=True, capture_output=True)
    times = []
    for _ in range(RUNS):
        start = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        times.append((time.perf_counter() - start) * 1000)
    return statistics.median(times)


def main() -> None:
    """Print a row a command. Compiles the package first: without byte code each start would compile it again."""
    compileall.compile_dir(Path(__file__).parent.parent / "gitops", quiet=1)
    bare = median_ms([sys.executable, "-c", "pass"])
    print(f"{'python -c pass':24}{bare:7.1f} ms")
    for arguments in (["--version"], ["--help"], ["bump", "--help"]):
        taken = median_ms([sys.executable, "-m", "gitops", *arguments])
        print(f"{'gitops ' + ' '.join(arguments):24}{taken:7.1f} ms  {taken / bare:4.1f} x")


if __name__ == "__main__":
    main()
