"""Rendering without a kustomize beside: results whole, errors with their place, inputs, the cache, limits."""

import base64
import json
import os
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from gitops.errors import GitopsError
from gitops.render import many, render, render_bodies
from gitops.render.cache import Cache
from gitops.render.problems import RenderError
from gitops.render.reader import read_objects
from gitops.yaml_bounds import MAX_DEPTH
from tests.render.trees import parse

SHOP = """
##### shop
=== base/app.yaml
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {run: web}}
  template:
    metadata: {labels: {run: web}}
    spec: {containers: [{name: main, image: "example.com/web:1", envFrom: [{configMapRef: {name: conf}}]}]}
=== base/kustomization.yaml
resources: [app.yaml]
configMapGenerator: [{name: conf, literals: [a=1]}]
=== overlays/prod/kustomization.yaml
resources: [../../base]
namespace: shop
namePrefix: prod-
labels: [{pairs: {env: prod}}]
images: [{name: example.com/web, newTag: "2"}]
replicas: [{name: web, count: 3}]
"""


def write(root: Path, text: str) -> Path:
    for tree in parse(text):
        tree.write(root)
    return root


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    return write(tmp_path, SHOP)


def change(file: Path, before: str, after: str) -> None:
    text = file.read_text()
    assert before in text
    file.write_text(text.replace(before, after))


def failure(root: Path, overlay: str = "overlays/prod") -> str:
    with pytest.raises(GitopsError) as caught:
        render(root, overlay)
    return str(caught.value)


def test_an_overlay_renders_to_its_objects_in_kustomizes_order(shop: Path) -> None:
    rendered = render(shop, "overlays/prod")
    conf, web = (each.body for each in rendered.objects)
    assert conf == {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "prod-conf-h29d89cmmt", "namespace": "shop", "labels": {"env": "prod"}},
        "data": {"a": "1"},
    }
    assert web == {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "prod-web", "namespace": "shop", "labels": {"env": "prod"}},
        "spec": {
            "replicas": 3,
            "selector": {"matchLabels": {"run": "web"}},
            "template": {
                "metadata": {"labels": {"run": "web"}},
                "spec": {
                    "containers": [
                        {
                            "name": "main",
                            "image": "example.com/web:2",
                            "envFrom": [{"configMapRef": {"name": "prod-conf-h29d89cmmt"}}],
                        }
                    ]
                },
            },
        },
    }
    assert rendered.objects[1].origin == "base/app.yaml"


def test_a_list_without_items_and_metadata_is_given_some_as_by_kustomize(shop: Path) -> None:
    (shop / "base/app.yaml").write_text("apiVersion: v1\nkind: RoleList\ni- tems: []\n")
    (shop / "base/kustomization.yaml").write_text("resources: [app.yaml]\n")
    assert [each.body for each in render(shop, "base").objects] == [
        {"apiVersion": "v1", "kind": "RoleList", "metadata": {}, "i- tems": []}
    ]


def test_every_file_that_was_read_is_an_input(shop: Path) -> None:
    (shop / "base/unrelated.yaml").write_text("a: b\n")
    rendered = render(shop, "overlays/prod")
    assert set(rendered.inputs) == {"base/app.yaml", "base/kustomization.yaml", "overlays/prod/kustomization.yaml"}
    assert rendered.depends_on({"base/app.yaml"})
    assert rendered.depends_on({"base/kustomization.yml"}), "a second kustomization there would be an error"
    assert not rendered.depends_on({"base/unrelated.yaml"})


def test_entries_that_nothing_has_are_warned_of(shop: Path) -> None:
    kustomization = shop / "overlays/prod/kustomization.yaml"
    change(kustomization, "example.com/web, newTag", "example.com/wev, newTag")
    kustomization.write_text(
        kustomization.read_text()
        + 'patches:\n- {target: {kind: Job}, patch: \'[{"op": "remove", "path": "/spec"}]\'}\n'
    )
    assert render(shop, "overlays/prod").warnings == (
        "overlays/prod/kustomization.yaml:5:10: no object has image 'example.com/wev'",
        "overlays/prod/kustomization.yaml:8:3: the patch has a target, and no object is it",
    )


PROD = "overlays/prod/kustomization.yaml"
ERRORS = [
    (PROD, "namespace:", "namespcae:", f"{PROD}:2:1: no field 'namespcae'"),
    (PROD, '"2"', "2.10", f"{PROD}:5:34: 'newTag' is a number, expected a string"),
    (PROD, "web, count", "wbe, count", f"{PROD}:6:12: no object with replicas is called 'wbe'"),
    (PROD, "../../base", "../../bsae", f"{PROD}:1:13: there is no file '../../bsae'"),
    ("base/kustomization.yaml", "app.yaml", "ap.yaml", "base/kustomization.yaml:1:13: there is no file 'ap.yaml'"),
    ("base/app.yaml", "name: web}", "name: web", "base/app.yaml:4:5: is no YAML"),
    ("base/app.yaml", "kind: Deployment", "kid: Deployment", "base/app.yaml:1: has no kind"),
    ("base/app.yaml", "kind: Deployment", "kind: A\nkind: B", "base/app.yaml:3:1: key 'kind' is there twice"),
]


@pytest.mark.parametrize(("file", "before", "after", "expected"), ERRORS)
def test_a_mistake_is_shown_where_it_is(shop: Path, file: str, before: str, after: str, expected: str) -> None:
    change(shop / file, before, after)
    said = failure(shop)
    assert said.startswith(expected)
    assert "\n  try: " in said
    assert len(said.splitlines()[0]) < 200


def test_a_field_in_a_scalar_names_the_object_and_its_file(shop: Path) -> None:
    (shop / "base/app.yaml").write_text("apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: hello\n")
    expected = "base/app.yaml:1: field replicas of Deployment/shop/prod-web is looked for in a scalar\n"
    assert failure(shop).startswith(expected)


def test_a_mistake_in_a_base_names_the_kustomizations_that_led_there(shop: Path) -> None:
    change(shop / "base/kustomization.yaml", "app.yaml", "ap.yaml")
    assert failure(shop) == dedent("""\
        base/kustomization.yaml:1:13: there is no file 'ap.yaml'
          from overlays/prod/kustomization.yaml
          try: did you mean 'app.yaml'?""")


def test_an_unknown_overlay_is_answered_with_the_nearest(shop: Path) -> None:
    assert failure(shop, "overlays/pord") == "overlays/pord: has no kustomization.yaml\n  try: did you mean 'prod'?"


def test_a_file_outside_its_kustomizations_folder_is_refused(shop: Path) -> None:
    change(shop / "overlays/prod/kustomization.yaml", "../../base", "../../base/app.yaml")
    assert "is outside of its folder" in failure(shop)


def test_a_link_out_of_the_repository_is_refused(shop: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    outside = tmp_path_factory.mktemp("outside") / "secret.yaml"
    outside.write_text("apiVersion: v1\nkind: Secret\nmetadata: {name: s}\n")
    (shop / "base/app.yaml").unlink()
    (shop / "base/app.yaml").symlink_to(outside)
    assert "is outside of the repository" in failure(shop)


def test_a_base_outside_the_repository_is_refused(shop: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    outside = tmp_path_factory.mktemp("outside")
    (outside / "kustomization.yaml").write_text("namePrefix: x\n")
    change(shop / "overlays/prod/kustomization.yaml", "../../base", os.path.relpath(outside, shop / "overlays/prod"))
    assert "is outside of the repository" in failure(shop)


def test_a_circle_is_refused(shop: Path) -> None:
    change(shop / "base/kustomization.yaml", "app.yaml", "../overlays/prod")
    assert "leads back to where it came from" in failure(shop)


def test_aliases_are_bounded() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    with pytest.raises(RenderError, match="aliases make over"):
        read_objects("\n".join(lines).encode(), "bomb.yaml")


def test_nesting_is_bounded() -> None:
    with pytest.raises(RenderError, match=f"nests over {MAX_DEPTH} deep"):
        read_objects(("a: " + "[" * 5000 + "]" * 5000).encode(), "deep.yaml")


def test_what_is_not_modelled_is_refused_by_name_where_no_kustomize_is(
    shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (shop / "overlays/prod/kustomization.yaml").write_text("resources: [../../base]\nhelmCharts: [{name: x}]\n")
    monkeypatch.setattr("gitops.render.fallback.find_kubectl", lambda: None)
    monkeypatch.setattr("gitops.render.fallback.find_kustomize", lambda: None)
    assert failure(shop) == (
        "overlays/prod/kustomization.yaml:2:1: helmCharts is rendered by kustomize only, and there is none\n"
        "  try: commit what the chart renders to; or install kustomize or kubectl"
    )


@pytest.mark.kubectl
def test_what_is_not_modelled_is_rendered_by_kustomize(shop: Path) -> None:
    change(shop / "base/app.yaml", "metadata: {name: web}", "metadata: {name: web, annotations: {day: 2020-01-01}}")
    rendered = render(shop, "overlays/prod")
    assert rendered.by == "kustomize"
    assert [each.name for each in rendered.objects] == ["prod-conf-h29d89cmmt", "prod-web"]
    assert rendered.depends_on({"base/app.yaml"})


def test_the_cache_gives_the_same_until_an_input_changes(shop: Path, tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    first = render(shop, "overlays/prod", Cache(folder))
    assert render(shop, "overlays/prod", Cache(folder)) == first
    assert Cache(folder).find(str(shop.resolve()), "overlays/prod") is not None
    change(shop / "base/app.yaml", "run: web", "run: other")
    assert Cache(folder).find(str(shop.resolve()), "overlays/prod") is None
    assert render(shop, "overlays/prod", Cache(folder)) != first
    change(shop / "base/app.yaml", "run: other", "run: web")
    assert Cache(folder).find(str(shop.resolve()), "overlays/prod") is not None, "to go back is a hit"


def test_a_file_that_appears_where_one_was_sought_is_no_hit(shop: Path, tmp_path: Path) -> None:
    render(shop, "overlays/prod", Cache(tmp_path / "cache"))
    (shop / "base/Kustomization").write_text("namePrefix: x\n")
    with pytest.raises(GitopsError, match=r"has kustomization\.yaml and Kustomization"):
        render(shop, "overlays/prod", Cache(tmp_path / "cache"))


def test_a_damaged_cache_is_no_hit(shop: Path, tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    expected = render(shop, "overlays/prod", Cache(folder))
    (kept,) = (file for file in folder.glob("*/*"))
    kept.write_bytes(kept.read_bytes().replace(b"prod-web", b"evil-web"))
    assert render(shop, "overlays/prod", Cache(folder)) == expected
    kept.write_bytes(b"")
    assert render(shop, "overlays/prod", Cache(folder)) == expected


SECRETS = {
    "a generated Secret": (PROD, "secretGenerator: [{name: keys, literals: [pin=canary-8c1f]}]\n"),
    "a Secret": (
        "base/app.yaml",
        "---\n{apiVersion: v1, kind: Secret, metadata: {name: x}, stringData: {a: canary-8c1f}}\n",
    ),
    "an annotation": (
        "base/app.yaml",
        "---\n{apiVersion: v1, kind: Service, metadata: {name: x, annotations: {a.invalid/token: canary-8c1f}}}\n",
    ),
    "the password in a URL": (PROD, "configMapGenerator: [{name: url, literals: ['url=db://app:canary-8c1f@db']}]\n"),
}


@pytest.mark.parametrize("place", SECRETS)
@pytest.mark.parametrize("at_once", [1, 3])
def test_no_secret_rests_in_the_cache_and_it_is_rendered_once_in_a_process(
    shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, at_once: int
) -> None:
    file, addition = SECRETS[place]
    folder, coded = tmp_path / "cache", base64.b64encode(b"canary-8c1f").decode()
    monkeypatch.setattr(many, "PAYS_AFTER", 0.0)
    monkeypatch.setattr(many, "_processors", lambda: at_once)
    monkeypatch.setattr("gitops.render.cache._WITHHELD", {})
    (shop / file).write_text((shop / file).read_text() + addition)
    names = [f"overlays/{name}" for name in ("prod", "a", "b", "c")]
    for name in names[1:]:
        (shop / name).mkdir()
        (shop / name / "kustomization.yaml").write_text((shop / PROD).read_text())
    expected = many.render_all(str(shop), names, Cache(folder), None)
    kept = b"".join(each.read_bytes() for each in folder.rglob("*") if each.is_file())
    assert b"canary-8c1f" not in kept
    assert coded.encode() not in kept
    if at_once == 1 or "URL" not in place:
        monkeypatch.setattr("gitops.render.sources.Sources", None)
        assert many.render_all(str(shop), names, Cache(folder), None) == expected


def test_what_is_no_secret_rests_there_though_its_neighbour_is_one(shop: Path, tmp_path: Path) -> None:
    (shop / "overlays/keys").mkdir()
    (shop / "overlays/keys/kustomization.yaml").write_text("secretGenerator: [{name: keys, literals: [pin=canary]}]\n")
    many.render_all(str(shop), ["overlays/keys", "overlays/prod"], Cache(tmp_path / "cache"), None)
    assert len(list((tmp_path / "cache").glob("*/*"))) == 1


def test_what_an_earlier_version_kept_is_taken_away(shop: Path, tmp_path: Path) -> None:
    earlier = tmp_path / "cache" / "0123456789abcdef" / "entry"
    earlier.parent.mkdir(parents=True)
    earlier.write_text("canary")
    render(shop, "overlays/prod", Cache(tmp_path / "cache"))
    assert not earlier.parent.exists()


def test_a_cache_that_cannot_be_written_is_none(shop: Path, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("in the way")
    assert render(shop, "overlays/prod", Cache(tmp_path / "cache")).objects


def test_bodies_are_json(shop: Path) -> None:
    change(shop / "base/app.yaml", "spec:\n", "spec:\n  odd: [1.0, 010, ~, True]\n")
    web = render(shop, "overlays/prod").objects[1].body
    assert json.loads(json.dumps(web))["spec"]["odd"] == [1, 8, None, True]


REMOTE = "https://example.invalid/base?ref=main"


def test_a_remote_base_is_refused(shop: Path) -> None:
    change(shop / PROD, "../../base", f"'{REMOTE}'")
    assert failure(shop) == (
        f"{PROD}:1:13: '{REMOTE}' is remote, and not pinned to a full commit\n"
        "  try: end it with ?ref= and the 40 digits of a commit; or commit a copy of it"
    )


@pytest.mark.kubectl
def test_a_remote_base_is_refused_before_kustomize_is_asked(shop: Path) -> None:
    (shop / PROD).write_text("resources: [../../base]\nvars: [{name: A}]\n")
    (shop / "base/kustomization.yaml").write_text(f"resources: [app.yaml, {REMOTE!r}]\n")
    assert f"'{REMOTE}' is remote" in failure(shop)


def test_several_are_rendered_beside_each_other_as_one_after_the_other(
    shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"overlays/o{number}" for number in range(5)]
    for name in names:
        (shop / name).mkdir()
        (shop / name / "kustomization.yaml").write_text(f"resources: [../../base]\nnamePrefix: {name[-2:]}-\n")
    expected = [render_bodies(shop, name) for name in names]
    monkeypatch.setattr(many, "PAYS_AFTER", 0.0)
    monkeypatch.setattr(many, "_processors", lambda: 3)
    assert many.render_all(str(shop), names, Cache(tmp_path / "cache"), None) == expected
    assert many.render_all(str(shop), names, Cache(tmp_path / "cache"), None) == expected
    (shop / names[3] / "kustomization.yaml").write_text("resources: [../../bass]\n")
    with pytest.raises(GitopsError, match=r"overlays/o3/kustomization.yaml:1:13: there is no file '../../bass'"):
        many.render_all(str(shop), names, None, None)


def test_processes_share_a_cache(shop: Path, tmp_path: Path) -> None:
    code = (
        "import sys; from gitops.render import render_bodies; from gitops.render.cache import Cache;"
        "print([render_bodies(sys.argv[1], 'overlays/prod', Cache(sys.argv[2])) for _ in range(20)][-1].objects)"
    )
    command = [sys.executable, "-c", code, str(shop), str(tmp_path / "cache")]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    texts = {process.communicate(timeout=60)[0] for process in processes}
    assert texts == {f"{render_bodies(shop, 'overlays/prod').objects}\n"}
    assert len(list((tmp_path / "cache").glob("*/*"))) == 1, "one entry, and no half of one"


def test_the_cache_is_bounded(shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(12):
        change(shop / PROD, (shop / PROD).read_text(), f"resources: [../../base]\nnamePrefix: p{number}-\n")
        render(shop, "overlays/prod", Cache(tmp_path / "cache"))
    kept = list((tmp_path / "cache").glob("*/*"))
    assert len(kept) == 4
    monkeypatch.setattr("gitops.render.cache.MAX_BYTES", 2 * kept[0].stat().st_size)
    change(shop / PROD, "p11-", "p12-")
    render(shop, "overlays/prod", Cache(tmp_path / "cache"))
    assert len(list((tmp_path / "cache").glob("*/*"))) <= 2
