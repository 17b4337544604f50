"""The real kustomize and ours, over the corpus, over pairs of fields, and over trees that hypothesis makes."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from tests.render.difference import difference, ours, theirs
from tests.render.features import pairs
from tests.render.generated import json_trees, trees
from tests.render.trees import Tree, corpus

EXAMPLES = int(os.environ.get("RENDER_EXAMPLES", "40"))
"""Generated trees in one run; 5,000 were compared once."""
ROOT = Path(__file__).parents[2]


def _both(tree: Tree, root: Path) -> tuple[list[str] | str, list[str] | str]:
    tree.write(root)
    overlay = "overlay" if "overlay/kustomization.yaml" in tree.files else "."
    return ours(root, overlay), theirs(root, overlay)


@pytest.mark.kubectl
@pytest.mark.parametrize("tree", corpus(), ids=lambda tree: tree.name)
def test_the_corpus_renders_as_kustomize_renders_it_or_is_refused(tree: Tree, tmp_path: Path) -> None:
    mine, other = _both(tree, tmp_path)
    assert difference(mine, other) == ""
    assert (isinstance(mine, str) and mine.startswith("fallback")) == (tree.note == "fallback"), mine


@pytest.mark.kubectl
@pytest.mark.slow
@pytest.mark.parametrize("chunk", range(8))
def test_each_two_fields_meet_as_in_kustomize(chunk: int, tmp_path: Path) -> None:
    for number, tree in enumerate(pairs()[chunk::8]):
        mine, other = _both(tree, tmp_path / str(number))
        assert difference(mine, other) == "", tree.name
        assert not isinstance(mine, str), tree.name


@pytest.mark.kubectl
@pytest.mark.slow
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(tree=trees())
def test_generated_trees_render_as_kustomize_renders_them(tree: Tree, tmp_path_factory: pytest.TempPathFactory) -> None:
    mine, other = _both(tree, tmp_path_factory.mktemp("tree"))
    assert difference(mine, other) == ""


@pytest.mark.kubectl
@pytest.mark.slow
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(tree=json_trees())
def test_replacements_within_json_write_what_kustomize_writes(
    tree: Tree, tmp_path_factory: pytest.TempPathFactory
) -> None:
    mine, other = _both(tree, tmp_path_factory.mktemp("tree"))
    assert difference(mine, other) == ""


@pytest.mark.kubectl
@pytest.mark.parametrize("overlay", sorted(each.name for each in (ROOT / "kustomize/overlays").iterdir()))
def test_our_own_overlays_render_as_kustomize_renders_them(overlay: str) -> None:
    folder = f"kustomize/overlays/{overlay}"
    assert difference(ours(ROOT, folder), theirs(ROOT, folder)) == ""
    assert not isinstance(ours(ROOT, folder), str)


def test_the_corpus_is_as_large_as_is_said() -> None:
    assert len(corpus()) >= 150
