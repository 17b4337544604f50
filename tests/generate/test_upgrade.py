"""Three-way: what was written last, what is there, what would be written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitops.errors import GitopsError
from gitops.generate.upgrade import merge, recall, remember, upgrade


@pytest.mark.parametrize(
    ("last", "now", "new", "action", "content"),
    [
        (None, None, b"a\n", "create", b"a\n"),
        (b"a\n", b"a\n", b"a\n", "unchanged", b"a\n"),
        (b"a\n", b"b\n", b"b\n", "unchanged", b"b\n"),
        (b"a\n", b"a\n", b"b\n", "update", b"b\n"),
        (b"a\n", b"mine\n", b"a\n", "keep", b"mine\n"),
        (b"a\n", None, b"a\n", "keep", None),
        (b"a\n", b"a\n", None, "delete", None),
        (b"a\n", b"mine\n", None, "keep", b"mine\n"),
        (b"a\n", None, None, "unchanged", None),
        (None, b"other\n", b"a\n", "conflict", b"other\n"),
        (b"a\nb\nc\n", b"A\nb\nc\n", b"a\nb\nC\n", "merge", b"A\nb\nC\n"),
        (b"a\nb\nc\n", b"a\nX\nc\n", b"a\nY\nc\n", "conflict", b"a\nX\nc\n"),
        (b"a\n", b"a\nb\n", b"a\nb\nc\n", "conflict", b"a\nb\n"),
    ],
)
def test_each_case_is_decided(
    last: bytes | None, now: bytes | None, new: bytes | None, action: str, content: bytes | None
) -> None:
    def given_(text: bytes | None) -> dict[str, bytes]:
        return {} if text is None else {"f": text}

    (change,) = upgrade(given_(new), given_(now), given_(last))
    assert (change.action, change.content) == (action, content)


def test_a_file_with_crlf_stays_one() -> None:
    assert merge(b"a\nb\nc\n", b"A\r\nb\r\nc\r\n", b"a\nb\nC\n") == b"A\r\nb\r\nC\r\n"


LINES = st.lists(st.sampled_from(["a\n", "b\n", "c\n", "d\n"]), max_size=12).map(lambda lines: "".join(lines).encode())


@given(LINES, LINES)
def test_a_side_that_did_not_change_gives_way(base: bytes, changed: bytes) -> None:
    assert merge(base, changed, base) == changed
    assert merge(base, base, changed) == changed
    assert merge(base, changed, changed) == changed


@given(st.dictionaries(st.text(max_size=5), st.text(st.characters(codec="utf-8"), max_size=20).map(str.encode)))
def test_what_is_remembered_is_recalled(files: dict[str, bytes]) -> None:
    assert recall(remember(files)) == files


def test_a_damaged_memory_is_an_error() -> None:
    with pytest.raises(GitopsError, match="does not hold what was generated last"):
        recall(b"<<<<<<< HEAD\n{}")
