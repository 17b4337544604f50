"""`gitops bump` as a person meets it: what it prints, its exit code, and one clear line for each mistake."""

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from gitops.cli import run
from gitops.demo.git_server import GitServer
from tests.support.manifest_server import NAME, bare, clone, server, url
from tests.support.manifests import NEW, git, kustomization

__all__ = ["bare", "clone", "server", "url"]

PROD = "kustomize/overlays/prod/kustomization.yaml"
IMAGE = ("--tag", "1.4.2", "--unchecked", "--digest", NEW)


@pytest.fixture(autouse=True)
def in_clone(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(clone)


def test_says_what_changed_where_and_what_became_of_it(bare: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["bump", "backend-app", "--env", "prod", *IMAGE]) == 0
    commit = git(bare, "rev-parse", "--short=7", "main")
    assert capsys.readouterr().out == (
        "prod  backend-app-image  1.4.1 -> 1.4.2  sha256:2b2b2b2b…\n"
        f'  {PROD}:8   newTag:   "1.4.2"\t# the version\n'
        f"  {PROD}:9   digest:   sha256:2b2b2b2b…\n"
        f"pushed {commit} to eks-work-manifests main\n"
    )


def test_says_that_there_is_nothing_to_change(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["bump", "backend-app", "-e", "prod", *IMAGE]) == 0
    capsys.readouterr()
    assert run(["bump", "backend-app", "-e", "prod", *IMAGE]) == 0
    assert capsys.readouterr().out == (
        "prod  backend-app-image  1.4.2, as it is  sha256:2b2b2b2b…\nnothing to change in eks-work-manifests main\n"
    )


def test_a_dry_run_prints_the_diff_and_exits_3(bare: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = git(bare, "rev-parse", "main")
    assert run(["bump", "backend-app", "--env", "prod", *IMAGE, "--dry-run"]) == 3
    assert capsys.readouterr().out == (
        "prod  backend-app-image  1.4.1 -> 1.4.2  sha256:2b2b2b2b…\n"
        f"--- a/{PROD}\n+++ b/{PROD}\n@@ -6,6 +6,6 @@\n"
        "     -   name: backend-app-image      # by gitops bump\n"
        "         newName:  r.example/team/backend-app\n"
        '-        newTag:   "1.4.1"\t# the version\n'
        f"-        digest:   {'sha256:' + '1a' * 32}\n"
        '+        newTag:   "1.4.2"\t# the version\n'
        f"+        digest:   {NEW}\n"
        "     -   name: worker-image\n"
        "         newTag: '7'\n"
        "would commit 1 file to eks-work-manifests main · nothing was written (--dry-run)\n"
    )
    assert git(bare, "rev-parse", "main") == before


def test_a_dry_run_without_a_difference_exits_0() -> None:
    assert run(["bump", "backend-app", "--env", "prod", *IMAGE]) == 0
    assert run(["bump", "backend-app", "--env", "prod", *IMAGE, "--dry-run"]) == 0


def test_takes_the_image_of_a_build(bare: Path, tmp_path: Path) -> None:
    image = {
        "name": "backend-app-image",
        "repository": "r.example/team/backend-app",
        "tag": "1.4.2",
        "digest": NEW,
        "revision": "3f9c2ab",
    }
    (tmp_path / "image.json").write_text(json.dumps(image))
    assert (
        run(
            [
                "bump",
                "backend-app",
                "-e",
                "prod",
                "--unchecked",
                "--from",
                str(tmp_path / "image.json"),
                "--build-url",
                "b/1",
            ]
        )
        == 0
    )
    assert git(bare, "log", "-1", "--format=%(trailers:key=Source-Revision,key=Build-URL)", "main").split("\n") == [
        "Source-Revision: 3f9c2ab",
        "Build-URL: b/1",
    ]
    assert (tmp_path / "clone" / PROD).read_bytes() == kustomization("1.4.2", NEW)


def test_prints_json_for_programs(bare: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["bump", "backend-app", "-e", "prod", "-e", "staging", *IMAGE, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["commit"] == git(bare, "rev-parse", "main")
    assert document["changed"] == [PROD, PROD.replace("prod", "staging")]
    assert [image["after"]["new_tag"] for image in document["images"]] == ["1.4.2", "1.4.2"]


def test_works_from_a_url_in_an_empty_folder(
    bare: Path, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    assert run(["bump", "backend-app", "-e", "prod", *IMAGE, "--repository", url]) == 0
    assert git(bare, "rev-list", "--count", "main") == "2"
    assert list((tmp_path / "empty").iterdir()) == []


def error_of(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    code = run(["bump", *arguments])
    captured = capsys.readouterr()
    assert captured.out == ""
    return code, captured.err


@pytest.mark.parametrize(
    ("arguments", "code", "error"),
    [
        (
            ("backend-app", "-e", "prdo", *IMAGE),
            1,
            "gitops.yaml: no environment 'prdo'\n  try: did you mean 'prod'? (staging, prod)\n",
        ),
        (
            ("bakend-app", "-e", "prod", *IMAGE),
            1,
            (
                "gitops.yaml: no image 'bakend-app'\n  try: did you mean 'backend-app-image'? (backend-app-image, "
                "worker-image)\n"
            ),
        ),
        (
            ("backend-app", *IMAGE),
            2,
            "gitops bump: needs environments (--env), or --all\n  try: gitops bump IMAGE --env ENV\n",
        ),
        (
            ("backend-app", "-e", "prod", "--unchecked", "--from", "nothing.json"),
            1,
            "nothing.json: cannot be read (No such file or directory)\n  try: gitops build writes it\n",
        ),
        (
            ("backend-app", "-e", "prod", "--unchecked", "--from", "gitops.yaml"),
            1,
            (
                "gitops.yaml: is not JSON: Expecting value: line 1 column 1 (char 0)\n"
                "  try: give the image.json of gitops build\n"
            ),
        ),
        (
            ("backend-app", "-e", "prod", "--unchecked", "--from", "x", "--tag", "1"),
            2,
            "--from: says tag and digest already\n  try: leave --tag and --digest out\n",
        ),
        (
            ("backend-app", "-e", "prod", "--tag", "-x", "--unchecked", "--digest", NEW),
            1,
            "tag '-x': is not what a registry accepts\n  try: check it for typing errors\n",
        ),
    ],
)
def test_a_mistake_is_one_clear_line(
    arguments: tuple[str, ...], code: int, error: str, bare: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = git(bare, "rev-parse", "main")
    assert error_of(capsys, *arguments) == (code, error)
    assert git(bare, "rev-parse", "main") == before


@pytest.mark.parametrize(
    "author", ["Ann", "<a@b>", "Ann <a@b", "Ann <a@b> 1 +0000\ncommitter Eve <e@b>", "A\nX: y <a@b>", "A <a b>", " "]
)
def test_an_author_that_git_would_not_take_is_refused(
    author: str, bare: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, error = error_of(capsys, "backend-app", "-e", "prod", *IMAGE, "--author", author)
    assert code == 2
    assert error.startswith("--author: cannot be ")
    assert git(bare, "rev-list", "--count", "main") == "1"


def test_an_overlay_without_an_entry_names_the_nearest(
    clone: Path, bare: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (clone / PROD).write_bytes(b"images:\n- name: backend-image\n")
    git(clone, "commit", "--quiet", "-am", "Rename")
    git(clone, "push", "--quiet")
    assert error_of(capsys, "backend-app", "-e", "prod", *IMAGE) == (
        1,
        (
            f"{PROD}:2: images has no entry 'backend-app-image'\n"
            "  try: did you mean 'backend-image'? (backend-image), or add one: --add\n"
        ),
    )
    assert run(["bump", "backend-app", "-e", "prod", *IMAGE, "--add"]) == 0
    assert f"- name: backend-app-image\n  newName: r.example/team/backend-app\n  newTag: 1.4.2\n  digest: {NEW}" in git(
        bare, "show", f"main:{PROD}"
    )


def test_a_missing_overlay_names_the_nearest(clone: Path, capsys: pytest.CaptureFixture[str]) -> None:
    git(clone, "mv", "kustomize/overlays/prod", "kustomize/overlays/production")
    git(clone, "commit", "--quiet", "-m", "Rename")
    git(clone, "push", "--quiet")
    assert error_of(capsys, "backend-app", "-e", "prod", *IMAGE) == (
        1,
        (
            "gitops.yaml: environment 'prod' has its overlay in kustomize/overlays/prod, which has no kustomization in "
            "eks-work-manifests main\n  try: known: production, staging\n"
        ),
    )


def test_a_wrong_password_is_one_clear_line(server: GitServer, capsys: pytest.CaptureFixture[str]) -> None:
    wrong = server.url(NAME, "robot", "wrong-password")
    code, error = error_of(capsys, "backend-app", "-e", "prod", *IMAGE, "--repository", wrong)
    assert code == 1
    assert error == (
        f"{server.url(NAME)}: refused the credentials\n"
        "  try: check the user and password, or the role's codecommit:GitPull and GitPush\n"
    )


def test_a_branch_that_is_not_there_names_the_nearest(server: GitServer, capsys: pytest.CaptureFixture[str]) -> None:
    url = server.url(NAME, "robot", "secret")
    code, error = error_of(capsys, "backend-app", "-e", "prod", *IMAGE, "--repository", url, "--branch", "mian")
    assert (code, error) == (
        1,
        f"{server.url(NAME)}: has no branch 'mian'\n  try: did you mean 'main'? (main)\n",
    )


def test_a_remote_that_does_not_answer_is_one_clear_line(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{listener.getsockname()[1]}/x"
        code, error = error_of(capsys, "backend-app", "-e", "prod", *IMAGE, "--repository", address)
    assert (code, error) == (
        1,
        f"{address}: does not answer\n  try: check the network and the URL, then run it again\n",
    )


def test_outside_of_a_repository_it_says_so(
    tmp_path: Path, clone: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "plain").mkdir()
    (tmp_path / "plain/gitops.yaml").write_bytes((clone / "gitops.yaml").read_bytes())
    monkeypatch.chdir(tmp_path / "plain")
    code, error = error_of(capsys, "backend-app", "-e", "prod", *IMAGE)
    assert code == 1
    assert "is not in a git repository" in error


def test_twelve_processes_at_once_all_land(url: str, bare: Path, tmp_path: Path) -> None:
    environments = ["prod", "staging"] * 6
    commands = [
        [
            sys.executable,
            "-m",
            "gitops",
            "bump",
            image,
            "-e",
            environment,
            "--tag",
            f"2.{number}",
            "--unchecked",
            "--digest",
            NEW,
            "--repository",
            url,
        ]
        for number, (environment, image) in enumerate(
            zip(environments, ["backend-app"] * 6 + ["worker"] * 6, strict=True)
        )
    ]
    processes = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) for command in commands
    ]
    outs = [process.communicate(timeout=100)[0] for process in processes]
    assert [process.returncode for process in processes] == [0] * 12, outs
    assert git(bare, "rev-list", "--count", "main") == "13"
    assert git(bare, "rev-list", "--merges", "main") == ""
    assert git(bare, "fsck", "--strict", "--no-dangling") == ""


PLAIN = f"""kind: Pod
spec:
  containers:
  - name: a
    image: r.example/team/backend-app:1.4.1@{"sha256:" + "1a" * 32}   # by gitops bump
  - {{name: b, image: other}}
"""


@pytest.fixture
def plain(clone: Path) -> Path:
    """prod is plain manifests, and its chart has two fields in one file."""
    git(clone, "rm", "--quiet", PROD)
    (clone / PROD).parent.mkdir(parents=True, exist_ok=True)
    (clone / "kustomize/overlays/prod/pod.yaml").write_text(PLAIN)
    (clone / "values.yaml").write_text("image:\n  tag: 1.4.1  # two\n  digest: x\n")
    fields = "[{file: values.yaml, path: image.%s, image: backend-app-image, part: %s}, "
    fields = fields % ("tag", "tag") + fields[1:-2] % ("digest", "digest") + "]"
    text = (clone / "gitops.yaml").read_text()
    (clone / "gitops.yaml").write_text(text.replace("namespace: prod}", f"namespace: prod, fields: {fields}}}"))
    git(clone, "add", "--all")
    git(clone, "commit", "--quiet", "-m", "Plain manifests")
    git(clone, "push", "--quiet")
    return clone


def test_plain_manifests_and_every_field_of_a_file_are_written(plain: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["bump", "backend-app", "-e", "prod", *IMAGE]) == 0
    reference = f"r.example/team/backend-app:1.4.2@{NEW}"
    written = (plain / "kustomize/overlays/prod/pod.yaml").read_text()
    assert written == PLAIN.replace(f"r.example/team/backend-app:1.4.1@{'sha256:' + '1a' * 32}", reference)
    assert (plain / "values.yaml").read_text() == f"image:\n  tag: 1.4.2  # two\n  digest: {NEW}\n"
    assert [line.split("   ")[0] for line in capsys.readouterr().out.splitlines()[:4]] == [
        "prod  backend-app-image  1.4.1 -> 1.4.2  sha256:2b2b2b2b…",
        "  kustomize/overlays/prod/pod.yaml:5",
        "  values.yaml:2",
        "  values.yaml:3",
    ]
    assert run(["bump", "backend-app", "-e", "prod", *IMAGE]) == 0
    assert "nothing to change" in capsys.readouterr().out
    assert run(["images"]) == 0
    assert "prod     backend-app-image  1.4.2" in capsys.readouterr().out


def test_an_older_build_does_not_go_back_into_plain_manifests(
    plain: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def build(tag: str, digest: str, day: int) -> list[str]:
        image = {"name": "backend-app-image", "repository": "r.example/team/backend-app", "tag": tag, "digest": digest}
        path = tmp_path / f"{tag}.json"
        path.write_text(json.dumps({**image, "created": f"2026-11-{day}T00:00:00Z"}))
        return ["bump", "backend-app", "-e", "prod", "--unchecked", "--from", str(path)]

    assert run(build("1.4.2", NEW, 24)) == 0
    capsys.readouterr()
    assert run(build("1.4.1", "sha256:" + "1a" * 32, 23)) == 0
    assert "prod: has a newer build" in capsys.readouterr().out
    assert f":1.4.2@{NEW}" in (plain / "kustomize/overlays/prod/pod.yaml").read_text()
