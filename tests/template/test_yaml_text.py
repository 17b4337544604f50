"""YAML written as by hand: what comes out, and that it reads back."""

import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gitops.template.yaml_text import Comment, Tagged, write_yaml

TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]))
LINES = st.lists(st.text(st.characters(codec="ascii")), max_size=4).map("\n".join)
SCALARS = st.one_of(TEXT, LINES, st.integers(), st.booleans())
DATA = st.dictionaries(
    st.from_regex(r"[A-Za-z][A-Za-z0-9]{0,8}", fullmatch=True),
    st.recursive(
        SCALARS,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("abcdef"), inner, max_size=4),
        max_leaves=20,
    ),
    min_size=1,
)


@settings(deadline=None)
@given(DATA)
@example({"A": "a line that ends with a space \nanother"})
@example({"A": "one\n  \nthree"})
def test_whatever_is_written_is_read_back(data: dict[str, object]) -> None:
    assert yaml.safe_load(write_yaml(data)) == data


def test_it_reads_as_if_written_by_hand() -> None:
    data = {
        Comment("What this is."): None,
        "Name": Tagged("!Sub", "${AWS::StackName}-bucket"),
        "Statement": [
            Comment("Why it is allowed."),
            {
                "Effect": "Allow",
                "Action": ["s3:GetObject", "s3:PutObject"],
                "Resource": Tagged("!GetAtt", "Bucket.Arn"),
            },
        ],
        "Port": "8080",
        "Script": "echo one\necho two\n",
        "Both": Tagged("!If", ["Wanted", Tagged("!Ref", "A"), Tagged("!Ref", "B")]),
    }
    assert (
        write_yaml(data, "Header.")
        == """\
# Header.

# What this is.
Name: !Sub ${AWS::StackName}-bucket

Statement:
  # Why it is allowed.
  - Effect: Allow
    Action: [s3:GetObject, s3:PutObject]
    Resource: !GetAtt Bucket.Arn

Port: "8080"

Script: |
  echo one
  echo two

Both: !If [Wanted, !Ref A, !Ref B]
"""
    )
