"""BuildKit by `docker buildx`: what it is given, and what its failures mean.

The program is a strict fake: it takes the options that `docker buildx build` has (docs.docker.com, "docker buildx
build") and no others, keeps what it got, and says what BuildKit says.
"""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from gitops.clients.building import BuildOrder
from gitops.clients.buildx import Buildx
from gitops.errors import GitopsError
from tests.clients.test_docker import order

_FAKE = """#!{python}
import argparse, json, os, sys
if sys.argv[1:3] == ["buildx", "version"]:
    sys.exit({version_status})
assert sys.argv[1:3] == ["buildx", "build"], sys.argv
parser = argparse.ArgumentParser(allow_abbrev=False)
for name in ("progress", "provenance", "tag", "file", "platform", "network"):
    parser.add_argument("--" + name)
for name in ("label", "build-arg"):
    parser.add_argument("--" + name, action="append", default=[])
for name in ("push", "load"):
    parser.add_argument("--" + name, action="store_true")
parser.add_argument("context")
given = vars(parser.parse_args(sys.argv[3:]))
config = os.environ["DOCKER_CONFIG"]
given["config"] = json.load(open(os.path.join(config, "config.json")))
given["config_entries"] = sorted(os.listdir(config))
given["config_folder"] = config
given["arguments"] = sys.argv
given["epoch"] = os.environ["SOURCE_DATE_EPOCH"]
json.dump(given, open({kept!r}, "w"))
sys.stderr.write({says!r})
sys.exit({status})
"""

_FAILED_STEP = """\
#1 [internal] load build definition from Dockerfile
#5 [1/2] FROM docker.io/library/busybox
#6 [2/2] RUN make
#6 0.213 cc -c app.c
#6 0.301 app.c:1: error: no main
#6 ERROR: process "/bin/sh -c make" did not complete successfully: exit code: 2
------
 > [2/2] RUN make:
0.301 app.c:1: error: no main
------
Dockerfile:2
ERROR: failed to solve: process "/bin/sh -c make" did not complete successfully: exit code: 2
"""


class FakeDocker:
    def __init__(self, folder: Path) -> None:
        self.program = folder / "bin" / "docker"
        self.kept = folder / "kept.json"

    def answers(self, says: str = "", status: int = 0, version_status: int = 0) -> None:
        self.program.parent.mkdir(exist_ok=True)
        values = {"python": sys.executable, "kept": str(self.kept), "says": says, "status": status}
        self.program.write_text(_FAKE.format(version_status=version_status, **values))
        self.program.chmod(0o755)

    @property
    def given(self) -> dict[str, Any]:
        given: dict[str, Any] = json.loads(self.kept.read_text())
        return given


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeDocker:
    fake = FakeDocker(tmp_path)
    fake.answers()
    monkeypatch.setenv("PATH", str(fake.program.parent))
    return fake


def build(order: BuildOrder, credentials: tuple[str, str] | None = None, *, push: bool = False) -> list[str]:
    said: list[str] = []
    buildx = Buildx.find()
    assert buildx
    buildx.build(order, said.append, credentials, push=push)
    return said


def test_buildx_is_found_where_docker_has_it(docker: FakeDocker) -> None:
    assert Buildx.find()
    docker.answers(version_status=1)
    assert Buildx.find() is None


def test_no_docker_program_no_buildx(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert Buildx.find() is None


def test_one_platform_is_loaded_into_the_daemon(docker: FakeDocker, tmp_path: Path) -> None:
    build(order(tmp_path, labels={"a": "b=c"}, build_args={"X": "1 2"}, epoch=1795136400, network="host"))
    given = docker.given
    assert (given["load"], given["push"]) == (True, False)
    assert (given["platform"], given["tag"]) == ("linux/amd64", "127.0.0.1:1/k8sbook/backend-app:content-1")
    assert given["label"] == ["a=b=c"]
    assert given["build_arg"] == ["SOURCE_DATE_EPOCH=1795136400", "X=1 2"]
    assert given["epoch"] == "1795136400"
    assert given["network"] == "host"
    assert given["file"] == str(tmp_path / "Dockerfile")


def test_several_platforms_are_pushed_at_once(docker: FakeDocker, tmp_path: Path) -> None:
    build(order(tmp_path, platforms=("linux/amd64", "linux/arm64")), push=True)
    assert (docker.given["load"], docker.given["push"]) == (False, True)
    assert docker.given["platform"] == "linux/amd64,linux/arm64"


def test_the_password_is_in_a_file_of_this_build_alone(docker: FakeDocker, tmp_path: Path) -> None:
    build(order(tmp_path), ("AWS", "secret"))
    assert "secret" not in " ".join(docker.given["arguments"])
    assert docker.given["config"] == {"auths": {"127.0.0.1:1": {"auth": "QVdTOnNlY3JldA=="}}, "credHelpers": {}}
    assert not Path(docker.given["config_folder"]).exists()


def test_the_users_own_docker_settings_and_plugins_stay(docker: FakeDocker, tmp_path: Path, home: Path) -> None:
    own = home / ".docker"
    (own / "cli-plugins").mkdir(parents=True)
    settings = {
        "credsStore": "desktop",
        "credHelpers": {"127.0.0.1:1": "ecr-login"},
        "auths": {"other": {"auth": "eA=="}},
    }
    (own / "config.json").write_text(json.dumps(settings))
    build(order(tmp_path), ("AWS", "secret"))
    assert docker.given["config_entries"] == ["cli-plugins", "config.json"]
    assert docker.given["config"]["credHelpers"] == {"127.0.0.1:1": ""}
    assert sorted(docker.given["config"]["auths"]) == ["127.0.0.1:1", "other"]
    assert json.loads((own / "config.json").read_text()) == settings


def test_a_failed_step_is_shown_with_its_own_lines(docker: FakeDocker, tmp_path: Path) -> None:
    docker.answers(_FAILED_STEP, 1)
    with pytest.raises(GitopsError) as caught:
        build(order(tmp_path))
    assert str(caught.value) == (
        "backend-app/Dockerfile: step 2/2 : RUN make failed, exit code 2\n"
        "  | cc -c app.c\n"
        "  | app.c:1: error: no main\n"
        "  try: mend that step, and commit it"
    )


def test_a_denied_push_is_told_from_a_failed_build(docker: FakeDocker, tmp_path: Path) -> None:
    denied = "ERROR: failed to solve: failed to push 127.0.0.1:1/app: unexpected status: 403 Forbidden\n"
    docker.answers(f"#7 pushing layers\n{denied}", 1)
    with pytest.raises(GitopsError, match=r"content-1: the push was denied: .*403 Forbidden"):
        build(order(tmp_path), push=True)


def test_a_full_disk_is_said_as_such(docker: FakeDocker, tmp_path: Path) -> None:
    docker.answers("ERROR: failed to solve: failed to copy: write /x: no space left on device\n", 1)
    with pytest.raises(GitopsError, match="the disk is full"):
        build(order(tmp_path))


def test_each_line_is_reported_as_it_comes(docker: FakeDocker, tmp_path: Path) -> None:
    docker.answers("#1 [internal] load\n\n#2 done\n")
    assert build(order(tmp_path)) == ["#1 [internal] load", "#2 done"]


def test_broken_docker_settings_are_an_error_that_names_the_file(
    docker: FakeDocker, tmp_path: Path, home: Path
) -> None:
    (home / ".docker").mkdir()
    (home / ".docker" / "config.json").write_text("{")
    with pytest.raises(GitopsError, match=r"config\.json: cannot be read"):
        build(order(tmp_path))
