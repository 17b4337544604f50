"""Marks in texts."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from gitops.generate.texts import fill, scalar


def test_a_mark_without_a_value_is_an_error() -> None:
    with pytest.raises(KeyError):
        fill("base/serviceaccount.yaml")


def test_a_value_without_a_mark_is_an_error() -> None:
    with pytest.raises(ValueError, match="no mark for colour"):
        fill("base/serviceaccount.yaml", name="a", colour="red")


def test_an_empty_block_takes_its_line_away() -> None:
    text = fill("base/service.yaml", name="a", type="ClusterIP", annotations="", nodeports="", port=1)
    assert "\n\n" not in text
    assert "annotations" not in text


@given(
    st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc"), exclude_characters="\u2028\u2029\x85\ufeff"))
)
def test_a_scalar_reads_back_as_the_same_string(value: str) -> None:
    assert yaml.safe_load(f"key: {scalar(value)}")["key"] == value
    assert yaml.safe_load(f"- {scalar(value)}") == [value]
