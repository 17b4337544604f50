"""What the Docker daemon says, in our words."""

import gc
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from gitops.clients.building import BuildOrder, push_refused, refused, step_failed
from gitops.clients.docker import Docker, _follow_build
from gitops.errors import GitopsError


def order(context: Path, **changes: object) -> BuildOrder:
    given: dict[str, object] = {
        "context": context,
        "dockerfile": "Dockerfile",
        "name": "127.0.0.1:1/k8sbook/backend-app:content-1",
        "labels": {},
        "build_args": {},
        "platforms": ("linux/amd64",),
        "epoch": 0,
        "subject": "backend-app/Dockerfile",
    }
    return BuildOrder(**(given | changes))  # type: ignore[arg-type]


@pytest.fixture
def daemon() -> Iterator[Docker]:
    with closing(Docker()) as docker:
        yield docker


# The SDK leaves the socket open that it could not connect.
@pytest.mark.filterwarnings("ignore:Exception ignored in. <socket:pytest.PytestUnraisableExceptionWarning")
def test_no_daemon_is_one_line_with_its_address(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nothing.sock")
    with pytest.raises(GitopsError) as caught:
        Docker().check()
    assert str(caught.value) == (
        f"docker: no daemon answers at unix://{tmp_path}/nothing.sock\n  try: start Docker, or set DOCKER_HOST"
    )
    del caught
    gc.collect()


def test_a_failed_step_is_shown_with_its_last_lines() -> None:
    def stream() -> Iterator[dict[str, str]]:
        yield {"stream": "Step 1/2 : FROM scratch\n"}
        yield {"stream": " ---> 1234\n"}
        yield {"stream": "Step 2/2 : RUN make\n"}
        yield from ({"stream": f"line {number}\n"} for number in range(30))
        yield {"error": "The command '/bin/sh -c make' returned a non-zero code: 2"}

    said: list[str] = []
    with pytest.raises(GitopsError) as caught:
        _follow_build(stream(), "backend-app/Dockerfile", said.append)
    lines = str(caught.value).splitlines()
    assert lines[0] == "backend-app/Dockerfile: step 2/2 : RUN make failed, exit code 2"
    assert lines[1:-1] == [f"  | line {number}" for number in range(18, 30)]
    assert said[0] == "Step 1/2 : FROM scratch"
    assert " ---> 1234" not in said


def test_a_full_disk_is_said_as_such_wherever_it_shows() -> None:
    full = "write /layer.tar: no space left on device"
    for error in (
        step_failed("Dockerfile", "step 2/3 : RUN make", "returned a non-zero code: 1", [full]),
        step_failed("Dockerfile", "", full, []),
        refused("Dockerfile", full),
        push_refused("host/app:1", full),
    ):
        assert "disk" in error.problem
        assert "full" in error.problem


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("denied: Your authorization token has expired. Reauthenticate and try again.", "the push was denied"),
        ("no basic auth credentials", "the push was denied"),
        ("unauthorized: authentication required", "the push was denied"),
        (
            "tag invalid: The image tag '1' already exists and cannot be overwritten: the repository is immutable.",
            "exists with another digest",
        ),
        (
            "name unknown: The repository with name 'app' does not exist in the registry with id '111122223333'",
            "no such repository",
        ),
        ("dial tcp 10.0.0.1:443: i/o timeout", "does not answer the Docker daemon"),
        ("something new", "Docker refuses: something new"),
    ],
)
def test_a_refused_push_says_why(message: str, expected: str) -> None:
    error = push_refused("host/app:1", message)
    assert error.subject == "host/app:1"
    assert expected in error.problem


@pytest.mark.docker
def test_several_platforms_without_buildx_are_an_error(
    daemon: Docker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(GitopsError, match="2 platforms need BuildKit"):
        daemon.build(order(tmp_path, platforms=("linux/amd64", "linux/arm64")), lambda line: None, None)


@pytest.mark.docker
@pytest.mark.parametrize(
    ("dockerfile", "expected"),
    [
        ("FROM scratch\nCOPY nothing /\n", r"step 2/2 : COPY nothing /: COPY failed: file not found"),
        ("FORM scratch\n", r"Docker refuses: .*unknown instruction: FORM"),
        ("", "file with no instructions|cannot be empty"),
    ],
)
def test_the_daemon_names_the_step_that_it_cannot_do(
    daemon: Docker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dockerfile: str, expected: str
) -> None:
    monkeypatch.setenv("PATH", "")
    (tmp_path / "Dockerfile").write_text(dockerfile)
    with pytest.raises(GitopsError, match=expected) as caught:
        daemon.build(order(tmp_path), lambda line: None, None)
    assert caught.value.subject == "backend-app/Dockerfile"


@pytest.mark.docker
def test_a_registry_that_does_not_answer_the_daemon_is_one_line(daemon: Docker, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM scratch\nCOPY Dockerfile /\n")
    with pytest.raises(GitopsError, match=r"does not answer the Docker daemon|push was denied"):
        daemon.build(order(tmp_path), lambda line: None, None)


def test_a_limit_of_pulls_names_another_place_for_the_base_image() -> None:
    said = "toomanyrequests: You have reached your unauthenticated pull rate limit. https://example.invalid/limit"
    error = refused("web/Dockerfile", said)
    assert str(error).startswith("web/Dockerfile: the registry of a base image limits pulls: toomanyrequests")
    assert "public.ecr.aws/docker/library" in error.hint
