"""The `gitops` program. `--version` answers before anything is imported, as start-up is a feature."""

import sys

from gitops import __version__


def main() -> None:
    """Run the command line and exit with its code."""
    if sys.argv[1:] == ["--version"]:
        sys.stdout.write(f"gitops {__version__}\n")
        return
    from gitops.cli import run

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
