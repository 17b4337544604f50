"""What a check found: a code, a place, what is wrong; and for each code why it matters and what to do."""

from dataclasses import dataclass

from gitops.validate.codes import CODES


@dataclass(frozen=True, order=True)
class Finding:
    """One defect at one place. `line` counts from 1."""

    file: str
    line: int
    code: str
    what: str

    @property
    def severity(self) -> str:
        """`error`, `warning` or `note`."""
        return CODES[self.code].severity

    @property
    def why(self) -> str:
        return CODES[self.code].why

    @property
    def fix(self) -> str:
        return CODES[self.code].fix
