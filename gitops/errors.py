"""What can go wrong, said once: the place, the problem, what to try.

Every expected failure is a `GitopsError`. Edges translate their library's exception into one (`raise … from`), and a
single boundary in `gitops.cli` turns it into a line on stderr and an exit code.
"""

from collections.abc import Iterable, Sequence

DONE, FAILED, USAGE, PENDING, UNEXPECTED, INTERRUPTED, TERMINATED = 0, 1, 2, 3, 70, 130, 143
"""Exit codes: done, error, usage, changes pending (only where a flag asks), a defect of ours, interrupted by SIGINT, by
SIGTERM."""


SHOWN = 20
"""Problems that are printed when there are many; more would bury them."""


class GitopsError(Exception):
    """An expected failure.

    `subject` is the file (with `:line:column` where known), object or address concerned; `problem` one sentence without
    a full stop; `hint` what to try, if anything helps.
    """

    exit_code = FAILED

    def __init__(self, subject: str, problem: str, hint: str = "") -> None:
        super().__init__(subject, problem, hint)
        self.subject = subject
        self.problem = problem
        self.hint = hint

    def __str__(self) -> str:
        line = f"{self.subject}: {self.problem}"
        return f"{line}\n  try: {self.hint}" if self.hint else line


class Terminated(KeyboardInterrupt):
    """SIGTERM, as from a build that is stopped: what is under way is ended as by an interrupt from the keyboard."""


class UsageError(GitopsError):
    """The command line asks for what cannot be; exit code 2."""

    exit_code = USAGE


class Problems(GitopsError):
    """Several failures found in one pass, reported together, in order."""

    def __init__(self, problems: Sequence[GitopsError]) -> None:
        super().__init__(problems[0].subject, problems[0].problem, problems[0].hint)
        self.problems = tuple(problems)

    def __str__(self) -> str:
        shown = [str(problem) for problem in self.problems[:SHOWN]]
        if len(self.problems) > SHOWN:
            shown.append(f"and {len(self.problems) - SHOWN} more like these")
        return "\n".join(shown)


def count_of(number: int, noun: str) -> str:
    """ "1 file", "2 files"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def nearest(name: str, known: Iterable[str]) -> str:
    """Say which of `known` was probably meant by `name`, and list them: "did you mean 'prod'? (staging, prod)"."""
    from difflib import get_close_matches

    names = list(known)
    close = get_close_matches(name, names, n=1)
    listed = ", ".join(names) if names else "none is defined"
    return f"did you mean '{close[0]}'? ({listed})" if close else f"known: {listed}"
