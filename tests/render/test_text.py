"""Objects as YAML: the same bytes as PyYAML's."""

import os
from typing import Any

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gitops.render.text import _dumped, to_yaml
from tests.render.generated import objects

LINES = st.sampled_from(
    ["a\nb", "a\n", "a\n\nb\n", "a \nb", " a\nb", "a\n\n", "\na", "a\n  b: c\n", "a\tb\nc", "é\na", "a\n#"]
)
WORDS = st.sampled_from(
    ["y", "No", "1", "0x1", "1e3", "a: b", "a:b", "a:", "# a", "a #b", "-", "- a", "@a", "a,b", "[a", ""]
)
TEXTS = LINES | WORDS | st.text(max_size=5) | st.text("abyn:/#-. ", max_size=8)
VALUES = st.recursive(
    TEXTS | st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=12,
)


@settings(max_examples=int(os.environ.get("RENDER_EXAMPLES", "200")), deadline=None)
@given(value=st.dictionaries(TEXTS, VALUES, min_size=1, max_size=4) | objects())
@example(value={"a": [[["x"], {}], {"b": [{"c": "x\ny"}, []]}, "l\nm\n"], "k" * 101: 1, "key\n": "x" * 70_000})
@example(value={"data": {"f": "first\n\n  second: {}\n"}, "=": "=", "~": "~", "12:30": "12:30:45"})
def test_an_object_is_written_as_pyyaml_writes_it(value: dict[str, Any]) -> None:
    assert to_yaml(value).decode() == _dumped(value)


@pytest.mark.parametrize("text", ["y", "on", "1_000", "2020-01-01", "null", "0o7", "<<", "=", "x: y", "\x85", "😀"])
def test_a_text_stays_one(text: str) -> None:
    assert yaml.safe_load(to_yaml({"a": text})) == {"a": text}
