"""Images outside of `images:`: markers, paths in Helm values, plain manifests."""

from collections.abc import Callable

import pytest

from gitops.errors import GitopsError
from gitops.manifest.fields import parts_of, repository_of, set_marked, set_path, set_references
from tests.manifest.awkward import D2

PARTS = parts_of("r.example:5000/team/app", "1.4.2", D2)


def marked(text: str) -> str:
    return set_marked(text.encode(), "app", PARTS, file="f.yaml").decode()


def refusal(edit: Callable[[], object]) -> str:
    with pytest.raises(GitopsError) as caught:
        edit()
    return str(caught.value).splitlines()[0]


def test_each_part_of_an_image_is_written_where_a_marker_asks_for_it() -> None:
    before = (
        "# values\r\n"
        'image:\r\n  tag: 1.4.1   # {"$gitops": "app:tag"}\r\n'
        '  digest: \'\'  # {"$gitops": "app:digest"}\r\n'
        '  repository: "x" # {"$gitops": "app:name"}\r\n'
        'args: [--image, old:1] # {"$gitops": "app"}\r\n'
        'other: 7 # {"$gitops": "worker:tag"}\r\n'
    )
    after = (
        before.replace("1.4.1 ", "1.4.2 ")
        .replace("''", f"'{D2}'")
        .replace('"x"', '"r.example:5000/team/app"')
        .replace("old:1", f"r.example:5000/team/app:1.4.2@{D2}")
    )
    assert marked(before) == after
    assert marked(after) == after


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('a: 1\n# {"$gitops": "app:tag"}\n', "f.yaml:2: marks no scalar"),
        ('a: 1 # {"$gitops": "app:tga"}\n', "f.yaml:1: marks no scalar with 'tga'"),
        ('a: 1 # {"$gitops": app:tag}\n', "f.yaml:1: has a broken marker"),
        ("a: 1 # $gitops app:tag\n", "f.yaml:1: has a broken marker"),
        ('a: &x 1 # {"$gitops": "app:tag"}\nb: *x\n', "f.yaml:1: has the anchor &x, used on line 2 too"),
        ('a: {{ .x }} # {"$gitops": "app:tag"}\n', "f.yaml:1: marks no scalar"),
        ('a: "${x}" # {"$gitops": "app:tag"}\n', "f.yaml:1: is a template (${)"),
        ('a: |\n  x # {"$gitops": "app:tag"}\n', "f.yaml:2: marks no scalar"),
    ],
)
def test_a_marker_that_is_not_certain_is_refused(text: str, reason: str) -> None:
    assert refusal(lambda: marked(text)).startswith(reason)


def test_a_marker_of_an_unknown_part_is_refused() -> None:
    parts = parts_of("r.example/app", "1.4.2", "")
    text = b'a: x # {"$gitops": "app:digest"}\n'
    assert refusal(lambda: set_marked(text, "app", parts, file="f")) == (
        "f:1: wants the image's digest, which is not known"
    )


def values(text: str, path: str) -> str:
    return set_path(text.encode(), path, "tag", PARTS, file="values.yaml").decode()


@pytest.mark.parametrize(
    ("before", "path", "after"),
    [
        ("backend:\n  image: {tag: 1.20, pullPolicy: Always}\n", "backend.image.tag", "1.20→1.4.2"),
        ("list:\n- name: a\n  tag: 'x' # c\n", "list[0].tag", "'x'→'1.4.2'"),
        ("tag:\n", "tag", "tag:→tag: 1.4.2"),
    ],
)
def test_a_path_in_helm_values_is_written(before: str, path: str, after: str) -> None:
    old, new = after.split("→")
    assert values(before, path) == before.replace(old, new)


@pytest.mark.parametrize(
    ("text", "path", "reason"),
    [
        ("a: 1\n", "b", "values.yaml: has nothing at b"),
        ("a: [1]\n", "a[3]", "values.yaml: has nothing at a[3]"),
        ("a: [1]\n", "a.b", "values.yaml: has nothing at a.b"),
        ("a: {b: 1}\n", "a", "values.yaml:1: is a mapping where a string belongs"),
        ("a: 1\na: 2\n", "a", "values.yaml:2: a is given twice"),
        ("", "a", "values.yaml: has nothing at a"),
    ],
)
def test_a_path_that_leads_nowhere_is_refused(text: str, path: str, reason: str) -> None:
    assert refusal(lambda: values(text, path)) == reason


def test_the_images_of_plain_manifests_are_written_where_the_repository_is_the_same() -> None:
    before = (
        "kind: Deployment\nspec:\n  template:\n    spec:\n      initContainers:\n"
        "      - {name: i, image: 'r.example:5000/team/app:1.4.1'} # init\n"
        "      containers:\n      - name: a\n        image: r.example:5000/team/app # no tag\n"
        "      - name: b\n        image: r.example:5000/team/app-other:1.4.1\n"
        "      - name: c\n        image: app\n"
        "---\nkind: ConfigMap\ndata:\n  image: r.example:5000/team/app:1.4.1\n"
    )
    reference = PARTS[""]
    after = (
        before.replace("'r.example:5000/team/app:1.4.1'", f"'{reference}'")
        .replace("r.example:5000/team/app #", f"{reference} #")
        .replace("image: app\n", f"image: {reference}\n")
    )
    assert set_references(before.encode(), "app", PARTS, file="d.yaml").decode() == after


@pytest.mark.parametrize(
    ("reference", "repository"),
    [
        ("a", "a"),
        ("a:1", "a"),
        ("h:5000/a", "h:5000/a"),
        ("h:5000/a/b:1@sha256:0", "h:5000/a/b"),
        ("a@sha256:0", "a"),
    ],
)
def test_the_repository_of_a_reference(reference: str, repository: str) -> None:
    assert repository_of(reference) == repository
