"""Whatever is in the files: a rendering, a clean refusal, or a question to kustomize; never another exception."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gitops.render.kustomization import FIELDS
from tests.render.difference import ours
from tests.render.generated import trees
from tests.render.trees import Tree, corpus

EXAMPLES = int(os.environ.get("RENDER_FUZZ", "150"))
_SNIPPETS = ["\n", "---\n", "- ", ": ", "{", "}", "[", "]", "*a", "&a ", "null", "~", "!!int ", "|\n", ">\n", "<<: "]
_SNIPPETS += ['"', "'", "#", "\t", "1e9", "\x00", "\ufeff", "é", "%", "$patch: delete"]
_TREES = corpus()


@st.composite
def damaged(draw: st.DrawFn) -> Tree:
    """A tree with some of its text taken out, doubled, or put in."""
    tree = draw(st.sampled_from(_TREES) | trees())
    files = dict(tree.files)
    for _ in range(draw(st.integers(1, 4))):
        name = draw(st.sampled_from(sorted(files)))
        text = files[name]
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 30)))
        put = draw(st.sampled_from([*_SNIPPETS, "", text[start:end] * 2]) | st.text(max_size=8))
        files[name] = text[:start] + put + text[end:]
    return tree._replace(files=files)


@st.composite
def wild_kustomizations(draw: st.DrawFn) -> Tree:
    """Fields with values of any form."""
    import yaml

    leaves = (
        st.none() | st.booleans() | st.integers() | st.text(max_size=6) | st.sampled_from(["a.yaml", ".", "..", "a"])
    )
    keys = st.sampled_from(
        ["name", "path", "patch", "target", "kind", "op", "pairs", "literals", "select", "fieldPaths", "a"]
    )
    values = st.recursive(
        leaves, lambda i: st.lists(i, max_size=3) | st.dictionaries(keys, i, max_size=3), max_leaves=8
    )
    fields = draw(st.dictionaries(st.sampled_from(sorted(FIELDS)), values, max_size=5))
    body = draw(
        st.dictionaries(st.sampled_from(["apiVersion", "kind", "metadata", "spec", "data"]), values, max_size=5)
    )
    return Tree("wild", "", {"kustomization.yaml": yaml.safe_dump(fields), "a.yaml": yaml.safe_dump(body)})


@pytest.mark.slow
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(tree=damaged() | wild_kustomizations())
def test_no_text_makes_another_exception(tree: Tree, tmp_path_factory: pytest.TempPathFactory) -> None:
    root: Path = tmp_path_factory.mktemp("tree")
    for name, text in tree.files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(text.encode("utf-8", "surrogatepass"))
    for overlay in {os.path.dirname(name) or "." for name in tree.files}:
        outcome = ours(root, overlay)
        assert isinstance(outcome, list) or outcome.startswith(("refused: ", "fallback: "))
