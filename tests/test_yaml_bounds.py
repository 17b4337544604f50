"""Deep, cyclic and multiplied YAML is refused in no time, wherever a file of somebody else is read."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from gitops import yaml_bounds
from gitops.buildspec import read_buildspec
from gitops.clients.kubeconfig import from_kubeconfig
from gitops.config import parse_config
from gitops.errors import GitopsError
from gitops.generate.pins import read_pins
from gitops.validate.sources import Sources
from gitops.validate.stack_resources import resources_of

LAUGHS = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12)
)
REFUSED = {
    "a: " + "[" * 200_000: "nests over 100 deep",
    "- " * 200_000: "nests over 100 deep",
    LAUGHS: "aliases make over 200,000 values",
    "name: &a [*a]\n": "*a stands within what it stands for",
    "name: &a {b: {c: *a}}\n": "*a stands within what it stands for",
}


@pytest.mark.parametrize(("text", "problem"), REFUSED.items(), ids=range(len(REFUSED)))
@pytest.mark.parametrize("read", [yaml_bounds.compose, yaml_bounds.load, lambda text: [*yaml_bounds.compose_all(text)]])
def test_what_is_out_of_bounds_is_refused(read: Callable[[str], Any], text: str, problem: str) -> None:
    with pytest.raises(yaml.MarkedYAMLError) as caught:
        read(text)
    assert caught.value.problem == problem
    assert caught.value.problem_mark


def test_what_is_within_bounds_is_read_as_yaml_reads_it() -> None:
    first = "a: &a {b: &b [1, 2]}\nc: [*a, *b, *a]\n"
    assert yaml_bounds.load(first) == {"a": {"b": [1, 2]}, "c": [{"b": [1, 2]}, [1, 2], {"b": [1, 2]}]}
    many = first + "---\n" + "a: &a x\nb: [*a, *a]\nd: " + "[" * 99 + "]" * 99 + "\n"
    assert len(list(yaml_bounds.compose_all(many))) == 2


@pytest.mark.parametrize("text", REFUSED, ids=range(len(REFUSED)))
@pytest.mark.parametrize(
    "read",
    [
        lambda data: parse_config(data),
        lambda data: read_buildspec(data, "buildspec.yaml"),
        lambda data: read_pins(data),
    ],
    ids=["gitops.yaml", "buildspec", "pins"],
)
def test_a_file_of_the_repository_is_refused_by_its_name(read: Callable[[bytes], Any], text: str) -> None:
    with pytest.raises(GitopsError, match=r"yaml.*is not YAML"):
        read(text.encode())


@pytest.mark.parametrize("text", REFUSED, ids=range(len(REFUSED)))
def test_validate_goes_on_past_such_a_file(text: str) -> None:
    sources = Sources({"deep.yaml": text.encode(), "template.yaml": b"# Resources AWS::\n" + text.encode()})
    assert sources.documents("deep.yaml") == []
    assert "deep.yaml" in sources.broken
    assert resources_of(sources) == []


@pytest.mark.parametrize("text", REFUSED, ids=range(len(REFUSED)))
def test_a_kubeconfig_too(tmp_path: Path, text: str) -> None:
    (tmp_path / "config").write_text(text)
    with pytest.raises(GitopsError, match="is not YAML"):
        from_kubeconfig(env={"KUBECONFIG": str(tmp_path / "config")})
