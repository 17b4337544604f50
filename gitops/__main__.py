"""The `gitops` program. `--version` answers before anything is imported, as start-up is a feature."""

import sys

from gitops import __version__


def main() -> None:
    """Run the command line and exit with its code."""
    arguments = sys.argv[1:]
    if arguments == ["--version"]:
        sys.stdout.write(f"gitops {__version__}\n")
        return
    if arguments[:1] == ["render"]:
        _render(arguments[1:])
    from gitops.cli import run

    _heed_termination()
    sys.exit(run(arguments))


def _heed_termination() -> None:
    """Raise `Terminated` at SIGTERM, once, so that leases are given up and records written; what comes again, to the
    whole group of processes perhaps, does not end that half-way."""
    import signal

    from gitops.errors import Terminated

    def terminate(number: int, _: object) -> None:
        signal.signal(number, signal.SIG_IGN)
        raise Terminated

    signal.signal(signal.SIGTERM, terminate)


def _render(arguments: list[str]) -> None:
    """Print what `gitops render NAME…` prints, and end, where that needs nothing but reading files: the usual case,
    which is done before the command line is imported. Else return, with nothing done."""
    import gc
    import os

    names = [each for each in arguments if each != "--no-cache"]
    if not names or any(each.startswith("-") for each in names) or "GITOPS_CONFIG" in os.environ:
        return
    gc.disable()  # the process ends before there is anything to collect
    from gitops.hidden import SECRET_VARIABLES, remember
    from gitops.render.shown import known_text

    remember(os.environ.get(name, "") for name in SECRET_VARIABLES)
    try:
        shown = known_text(os.getcwd(), names, fresh=names != arguments)
    except (OSError, KeyboardInterrupt):
        shown = None
    gc.enable()
    if shown is None:
        return
    try:
        sys.stderr.write("".join(f"warning: {warning}\n" for warning in shown.warnings))
        sys.stdout.write(shown.text)
        sys.stdout.flush()
    except BrokenPipeError:  # who reads has seen enough
        pass
    os._exit(0)  # to take the interpreter down in order takes longer than a small rendering


if __name__ == "__main__":
    main()
