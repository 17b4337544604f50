"""What the documentation names is there."""

import re
from pathlib import Path

import click
import pytest

from gitops.cli import cli
from gitops.validate.codes import CODES
from gitops.validate.repository import check_document
from gitops.validate.sources import Sources
from tests.validate.defects import DEFECTS

ROOT = Path(__file__).parent.parent
TABLE = [line.split(" | ") for line in (ROOT / "docs/pitfalls.md").read_text().splitlines() if re.match(r"\| \d", line)]
TESTS = sorted({name for *_, shown in TABLE for name in re.findall(r"`(tests/[^`]+::\w+)`", shown)})


def test_every_row_is_there_once() -> None:
    assert [int(row[0].strip("| ")) for row in TABLE] == list(range(1, 70))


def test_every_row_has_a_check_and_a_test_of_it() -> None:
    for number, _, _, check, shown in TABLE:
        assert re.search(r"\b[A-Z]\d{3}\b|`gitops [a-z ]+`", check), number
        assert set(re.findall(r"`([a-z0-9-]+)`", shown)) or set(re.findall(r"::(\w+)`", shown)), number
        codes = re.search(r"\b[A-Z]\d{3}\b", check)
        assert not codes or re.search(r"`[a-z0-9-]+`", shown), f"{number}: no planted defect"


def test_every_link_of_a_document_leads_somewhere() -> None:
    files = {path.relative_to(ROOT).as_posix(): path.read_bytes() for path in ROOT.glob("docs/*")}
    files |= {path.name: path.read_bytes() for path in ROOT.glob("*.md")}
    files |= {
        path.relative_to(ROOT).as_posix(): b""
        for folder in ("kustomize", "cfn")
        for path in ROOT.glob(f"{folder}/**/*")
    }
    found = [f for name in files if name.endswith(".md") for f in check_document(Sources(files), name)]
    assert [f for f in found if f.code == "D001"] == []


def test_every_file_of_the_table_is_there() -> None:
    named = {
        name for row in TABLE for name in re.findall(r"`((?:kustomize|cfn|docs|gitops|buildspec)/[\w./-]+)`", row[2])
    }
    assert len(named) > 25
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []


def test_every_code_of_the_table_is_one() -> None:
    named = {code for row in TABLE for code in re.findall(r"\b[A-Z]\d{3}\b", row[3])}
    assert named <= CODES.keys()


def test_every_defect_of_the_table_is_planted() -> None:
    named = {name for row in TABLE for name in re.findall(r"`([a-z0-9-]+)`", row[4])}
    assert named <= {defect.name for defect in DEFECTS}


@pytest.mark.parametrize("name", TESTS)
def test_every_test_of_the_table_is_there(name: str) -> None:
    file, _, function = name.partition("::")
    assert f"def {function}(" in (ROOT / file).read_text()


def test_the_defects_of_a_row_have_the_codes_of_the_row() -> None:
    planted = {defect.name: {code for _, _, code in defect.expected()} for defect in DEFECTS}
    for row in TABLE:
        codes = set(re.findall(r"\b[A-Z]\d{3}\b", row[3]))
        for name in re.findall(r"`([a-z0-9-]+)`", row[4]):
            assert planted[name] & codes, (row[0], name)


def test_every_code_is_documented() -> None:
    text = (ROOT / "docs/validate.md").read_text()
    rows = re.findall(r"(?m)^\| ([A-Z]\d{3}) \| (\w+) \| (.+?) \|", text)
    assert rows == [(code, entry.severity, entry.title) for code, entry in CODES.items()]


PAINS = (1, 2, 5, 6, 7, 10, 11, 13, 14, 15, 18, 19, 20, 21)
"""What hurts users of other tools, and that a deploy must not do."""
DEPLOY = (ROOT / "docs/deploy.md").read_text()
PAIN_ROWS = {int(number): tests for number, tests in re.findall(r"(?m)^\| (\d+) [^|]+\| (.+?) \|$", DEPLOY)}
FUNCTIONS = {
    name
    for file in (ROOT / "tests").rglob("test_*.py")
    for name in re.findall(r"(?m)^def (test_\w+)\(", file.read_text())
}


def test_every_pain_has_a_row_and_tests_that_bear_its_number() -> None:
    assert tuple(PAIN_ROWS) == PAINS
    for number, tests in PAIN_ROWS.items():
        named = f"test_pain_{number:02}_"
        assert f"`{named}…`" in tests
        assert any(name.startswith(named) for name in FUNCTIONS), named


def test_what_the_table_of_pains_names_is_there() -> None:
    named = [name for tests in PAIN_ROWS.values() for name in re.findall(r"`([^`]+)`", tests)]
    files = [name for name in named if "/" in name]
    assert [name for name in files if not (ROOT / name).is_file()] == []
    functions = {name for name in named if "/" not in name and not name.endswith("…")}
    assert functions - FUNCTIONS == set()


CONTEXT = click.Context(cli)


def shown_commands() -> list[tuple[str, str]]:
    """(file, command line) of every `gitops …` that a document shows: in a block, or between backticks."""
    files = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
    pattern = re.compile(r"(?m)(?:^[ \t]*(?:\$ )?|`|&& )gitops ([a-z][^`\n]*)")
    return [(file.name, line.split("  ")[0]) for file in files for line in pattern.findall(file.read_text())]


@pytest.mark.parametrize(("file", "line"), sorted(set(shown_commands())))
def test_every_command_that_is_shown_is_one_with_these_options(file: str, line: str) -> None:
    words = [word.strip("[],.;:") for word in line.partition("#")[0].split()]
    command: click.Command = cli
    while isinstance(command, click.Group) and words and (below := command.get_command(CONTEXT, words[0])):
        command, words = below, words[1:]
    known = {spelling for option in command.params for spelling in (*option.opts, *option.secondary_opts)}
    assert command is not cli
    assert [word for word in words if re.match(r"--?[a-z]", word) and word.partition("=")[0] not in known] == []
