"""`gitops pins`: what moved, and the catalogue rewritten byte for byte."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from gitops.cli import run
from gitops.generate.pins import PINS, UNREAD, Pin, newest_tag, read_pins, set_pin, shipped_pins

ONES, TWOS = "sha256:" + "1" * 64, "sha256:" + "2" * 64
AUTOSCALER = "registry.k8s.io/autoscaling/cluster-autoscaler"


@pytest.fixture
def manifests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Path:
    assert run(["init", str(tmp_path), "--yes", "--no-git"]) == 0
    capsys.readouterr()
    monkeypatch.chdir(tmp_path / "eks-work-manifests")
    return tmp_path / "eks-work-manifests"


def index(manifests: Path, data: Mapping[str, Mapping[str, str | None]]) -> str:
    file = manifests / "index.json"
    file.write_text(json.dumps(data))
    return str(file)


def test_every_pin_has_a_version_and_a_source_and_no_tag_is_latest() -> None:
    for pin in read_pins(shipped_pins()):
        assert any(digit in pin.tag for digit in "0123456789"), pin
        assert "20" in pin.source, f"{pin.label}: a source without its date"
        assert pin.digest is None or len(pin.digest) == 71
    unread = [line for line in shipped_pins().decode().splitlines() if line.strip().startswith("digest: null")]
    assert len(unread) == sum(pin.digest is None for pin in read_pins(shipped_pins()))
    assert all(line.endswith("null" + UNREAD) for line in unread), "an entry without a digest says so"


@pytest.mark.parametrize(
    ("tag", "kubernetes", "tags", "newest"),
    [
        ("v1.36.1", "1.36", ["v1.36.0", "v1.36.1", "v1.36.10", "v1.37.0", "v1.36.11-beta.0"], "v1.36.10"),
        ("3.4.8", "", ["3.4.9", "3.5.0", "latest", "3.4.10-arm64", "stable"], "3.5.0"),
        ("1.300070.0b1586", "", ["1.300071.1b1600", "1.300069.0b1"], "1.300071.1b1600"),
        ("3.10.1", "", [], "3.10.1"),
        ("3.10.1", "", ["3.9"], "3.10.1"),
    ],
)
def test_the_newest_tag_is_of_the_same_form(tag: str, kubernetes: str, tags: list[str], newest: str) -> None:
    assert newest_tag(Pin("a", "b", tag, None, "", kubernetes), tags) == newest


def test_check_says_what_moved(manifests: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tags = {"registry.k8s.io/pause": {"3.10.1": ONES}, AUTOSCALER: {"v1.36.2": TWOS}}
    assert run(["pins", "check", "--index", index(manifests, tags), "pause", "cluster-autoscaler", "load-test"]) == 3
    assert capsys.readouterr().out.splitlines() == [
        "cluster-autoscaler (1.33)  v1.33.6  unknown  nothing says what it is now",
        "cluster-autoscaler (1.34)  v1.34.5  unknown  nothing says what it is now",
        "cluster-autoscaler (1.35)  v1.35.2  unknown  nothing says what it is now",
        "cluster-autoscaler (1.36)  v1.36.1  newer    v1.36.2 is there",
        f"pause                      3.10.1   moved    now {ONES}",
        "load-test                  1.37.0   unknown  nothing says what it is now",
    ]


def test_update_changes_those_bytes_and_no_other(manifests: Path) -> None:
    catalogue = manifests / PINS
    catalogue.write_bytes(
        catalogue.read_bytes().replace(b"\n  - name: pause", b"\n\n  # ours\n  - name:   pause  # here")
    )
    before = catalogue.read_bytes().splitlines()
    tags = {AUTOSCALER: {"v1.36.2": TWOS}, "public.ecr.aws/docker/library/busybox": {"1.37.0": ONES}}
    assert run(["pins", "update", "--index", index(manifests, tags)]) == 0
    after = catalogue.read_bytes().splitlines()
    changed = [(old, new) for old, new in zip(before, after, strict=True) if old != new]
    assert [new for _, new in changed] == [
        b"    tag: v1.36.2",
        f"    digest: {TWOS}".encode(),
        f"    digest: {ONES}".encode(),
    ]
    assert run(["pins", "check", "--index", index(manifests, tags), "load-test"]) == 0


def test_an_updated_pin_reaches_the_overlay(manifests: Path) -> None:
    tags: dict[str, dict[str, str | None]] = {AUTOSCALER: {"v1.36.2": TWOS}}
    assert run(["pins", "update", "--index", index(manifests, tags)]) == 0
    assert run(["generate"]) == 0
    text = (manifests / "kustomize/overlays/autoscaling/cluster-autoscaler.yaml").read_text()
    assert f"{AUTOSCALER}:v1.36.2@{TWOS}" in text


def test_a_numeric_tag_is_quoted() -> None:
    data = b"images:\n  - {name: a, repository: b, tag: 'x', digest: null, source: s}\n"
    (pin,) = read_pins(data)
    assert b'tag: "1.10"' in set_pin(data, pin, "1.10", None)


def test_a_digest_that_is_lost_says_so_and_one_that_is_found_no_longer() -> None:
    data = f"images:\n  - name: a\n    repository: b\n    tag: v1\n    digest: {ONES}\n    source: s\n".encode()
    lost = set_pin(data, read_pins(data)[0], "v2", None)
    assert f"    tag: v2\n    digest: null{UNREAD}\n".encode() in lost
    assert set_pin(lost, read_pins(lost)[0], "v2", None) == lost
    assert set_pin(lost, read_pins(lost)[0], "v1", ONES) == data


def test_an_unknown_name_is_refused_with_the_nearest(manifests: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["pins", "check", "--index", index(manifests, {}), "pauze"]) == 2
    assert "no image 'pauze'\n  try: did you mean 'pause'?" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "error"),
    [(None, "cannot be read"), ("{", "is not JSON")],
)
def test_a_wrong_index_is_one_clear_error(
    manifests: Path, capsys: pytest.CaptureFixture[str], text: str | None, error: str
) -> None:
    file = manifests / "index.json"
    if text is not None:
        file.write_text(text)
    assert run(["pins", "check", "--index", str(file)]) == 1
    assert error in capsys.readouterr().err
