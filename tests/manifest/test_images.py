"""The edit of an `images:` entry: which bytes change, and what is refused."""

import json
import subprocess
from pathlib import Path

import pytest

from gitops.clients.kubectl import find_kubectl
from gitops.errors import GitopsError
from gitops.manifest.images import read_images, set_image
from tests.manifest.awkward import CASES, D2, NAME, PLAIN, REFUSED, REPOSITORY, TAG, Case

DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: d}
spec:
  selector: {matchLabels: {a: b}}
  template:
    metadata: {labels: {a: b}}
    spec: {containers: [{name: c, image: app}]}
"""

by_id = pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)


def bump(data: bytes, tag: str = TAG, *, add: bool = False) -> bytes:
    return set_image(data, NAME, REPOSITORY, tag, D2, file="k.yaml", add=add).data


@by_id
def test_only_the_wished_bytes_change(case: Case) -> None:
    assert bump(case.before, case.tag) == case.after


@by_id
def test_a_second_time_changes_nothing(case: Case) -> None:
    assert bump(case.after, case.tag) == case.after


@by_id
def test_what_was_written_is_read_back(case: Case) -> None:
    [entry] = [entry for entry in read_images(case.after, "k.yaml") if entry.name == NAME]
    assert (entry.new_name, entry.new_tag, entry.digest) == (REPOSITORY, case.tag, D2)


@pytest.mark.kubectl
@pytest.mark.parametrize("case", [case for case in CASES if case.builds], ids=lambda case: case.id)
def test_kustomize_gives_the_wished_image(case: Case, tmp_path: Path) -> None:
    (tmp_path / "d.yaml").write_text(DEPLOYMENT)
    (tmp_path / "kustomization.yaml").write_bytes(case.after)
    kubectl = find_kubectl()
    assert kubectl
    built = subprocess.run([kubectl, "kustomize", str(tmp_path)], capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    assert f"image: {REPOSITORY}:{case.tag}@{D2}\n" in built.stdout


@pytest.mark.parametrize(("name", "text", "reason"), REFUSED, ids=[name for name, _, _ in REFUSED])
def test_what_is_not_certain_is_refused_with_file_line_and_reason(name: str, text: str, reason: str) -> None:
    with pytest.raises(GitopsError) as caught:
        bump(text.encode())
    assert str(caught.value).startswith(reason)
    assert caught.value.hint


def test_a_missing_entry_names_the_nearest_ones() -> None:
    with pytest.raises(GitopsError) as caught:
        bump(b"images:\n- name: ap\n- name: other\n")
    assert caught.value.hint == "did you mean 'ap'? (ap, other), or add one: --add"


ENTRY = f"name: app\n  newName: {REPOSITORY}\n  newTag: {TAG}\n  digest: {D2}\n"
FLOW = f"{{name: app, newName: {REPOSITORY}, newTag: {TAG}, digest: {D2}}}"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("images:\n- name: b\n# end\n", f"images:\n- name: b\n- {ENTRY}# end\n"),
        ("images:\n- name: b\n  newTag: a", f"images:\n- name: b\n  newTag: a\n- {ENTRY}".removesuffix("\n")),
        ("images:\r\n- name: b\r\n", f"images:\r\n- name: b\r\n- {ENTRY}".replace("\r\n", "\n").replace("\n", "\r\n")),
        ("images:\n- {name: b}\n", f"images:\n- {{name: b}}\n- {FLOW}\n"),
        ("images: [{name: b}] # c\n", f"images: [{{name: b}}, {FLOW}] # c\n"),
        ("images: []\n", f"images: [{FLOW}]\n"),
        ("resources:\n- a\n", f"resources:\n- a\nimages:\n- {ENTRY}"),
        (
            "resources:\n  - a",
            f"resources:\n  - a\nimages:\n  - {ENTRY}".replace("\n  n", "\n    n").replace("\n  d", "\n    d")[:-1],
        ),
        ("a: |+\n  x\n\n", f"a: |+\n  x\n\nimages:\n- {ENTRY}"),
        ("---\na: b\n...\n", f"---\na: b\nimages:\n- {ENTRY}...\n"),
        ("a: b\n---\nc: d\n", f"a: b\nimages:\n- {ENTRY}---\nc: d\n"),
        ('{"a": 1}', '{"a": 1, "images": [' + json.dumps(dict(p.split(": ") for p in FLOW[1:-1].split(", "))) + "]}"),
    ],
)
def test_an_entry_is_added_in_the_style_of_the_file(before: str, after: str) -> None:
    assert bump(before.encode(), add=True).decode() == after
    assert bump(after.encode(), add=True).decode() == after


@pytest.mark.parametrize("text", ["images:\n-\n  name: b\n", "images:\n", "images:\n- b\n"])
def test_an_entry_is_not_added_where_its_style_is_not_plain(text: str) -> None:
    with pytest.raises(GitopsError):
        bump(text.encode(), add=True)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("tag", "-x"),
        ("tag", "a b"),
        ("tag", "1.0\n  evil: true"),
        ("tag", "x" * 129),
        ("tag", "a#b"),
        ("digest", "sha256:short"),
        ("digest", "SHA256:" + "a" * 64),
        ("name", "-r.example/app"),
        ("name", "../app"),
        ("name", "r.example/App"),
        ("name", "r.example/app; rm"),
    ],
)
def test_what_no_registry_accepts_is_not_written(field: str, value: str) -> None:
    values = {"name": REPOSITORY, "tag": TAG, "digest": D2} | {field: value}
    with pytest.raises(GitopsError, match=f"{field} .* is not what a registry accepts"):
        set_image(PLAIN.encode(), NAME, values["name"], values["tag"], values["digest"], file="k.yaml")


def test_a_digest_alone_does_not_leave_an_old_tag_beside_it() -> None:
    data = b"images:\n- name: app\n  newTag: 1.4.1\n"
    with pytest.raises(GitopsError, match=r"k.yaml:3: newTag 1.4.1 would stay beside another digest"):
        set_image(data, NAME, "", "", D2, file="k.yaml")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"images:\n- name: \xff\n", "is not UTF-8 (byte 17)"),
        (b"\xff\xfea\x00b", "is not UTF-16-LE (byte 5)"),
        (b"a: \x00\n", "is not YAML"),
        (b"#" * 4_000_001, "has 4,000,001 bytes, over the limit"),
        (b"a: " + b"[" * 100_000, "is nested over 200 deep"),
    ],
)
def test_what_is_no_text_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(GitopsError) as caught:
        bump(data)
    assert reason in str(caught.value)


def test_a_billion_laughs_stay_one_page() -> None:
    lines = ["a0: &a0 [x, x]"] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 40)]
    data = ("\n".join(lines) + "\nimages:\n- name: app\n  newTag: a\n").encode()
    assert bump(data).count(b"*a") == data.count(b"*a")
