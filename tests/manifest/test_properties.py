"""What holds for every file: only the wished scalars change, and what cannot be edited is refused and unchanged."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from gitops.clients.kubectl import find_kubectl
from gitops.errors import GitopsError
from gitops.manifest.document import needs_quotes, quoted
from gitops.manifest.images import TAG as TAG_RULE
from gitops.manifest.images import set_image
from tests.manifest.awkward import D2, NAME, REPOSITORY
from tests.manifest.generated import kustomization
from tests.manifest.test_images import DEPLOYMENT

COUNT = 3_000
FULL_COUNT = 100_000
TAGS = ["1.4.2", "1.20", "0x10", "yes", "2026-11-24", "1e3", "v9", "12345", "x" * 128, "_a.b-c"]


def tree_of(data: bytes) -> Any:
    """The first document, by another way into libyaml, with every scalar a string."""
    codec = "utf-16" if data.startswith(b"\xff\xfe") else "utf-8-sig"
    return next(iter(yaml.load_all(data.decode(codec), Loader=yaml.CBaseLoader)))


def wished(tree: Any, tag: str) -> Any:
    [entry] = [entry for entry in tree["images"] if entry["name"] == NAME]
    entry.update(newName=REPOSITORY, newTag=tag, digest=D2)
    return tree


def changed_parts(before: bytes, after: bytes) -> Iterator[bytes]:
    """What is in `after` and not in `before`, when what they share is taken out line by line."""
    codec = "utf-16" if before.startswith(b"\xff\xfe") else "utf-8-sig"
    old, new = (data.decode(codec).splitlines() for data in (before, after))
    for line in old:
        if line in new:
            new.remove(line)
    yield from (line.encode() for line in new)


def edited(data: bytes, tag: str) -> tuple[bytes | None, str]:
    """The edited file; or None, and why it was refused."""
    try:
        return set_image(data, NAME, REPOSITORY, tag, D2, file="k.yaml").data, ""
    except GitopsError as error:
        return None, str(error)


def check(seed: int) -> bool:
    """Whether the file of `seed` was edited; it holds what must hold, edited or refused."""
    file = kustomization(seed)
    tag = TAGS[seed % len(TAGS)]
    after, refusal = edited(file.data, tag)
    if after is None:
        assert refusal.startswith("k.yaml"), (seed, refusal)
        assert not file.plain, (seed, refusal)
        return False
    assert tree_of(after) == wished(tree_of(file.data), tag), seed
    assert set_image(after, NAME, REPOSITORY, tag, D2, file="k.yaml").data == after, seed
    if file.plain:
        touched = list(changed_parts(file.data, after))
        assert len(touched) <= 3, (seed, touched)
    return True


def test_generated_files_change_in_the_wished_scalars_only() -> None:
    assert sum(map(check, range(COUNT))) > 0.9 * COUNT


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_hundred_thousand_generated_files() -> None:
    count = int(os.environ.get("GITOPS_GENERATED", FULL_COUNT))
    assert sum(map(check, range(count))) > 0.9 * count


@pytest.mark.kubectl
def test_kustomize_gives_the_wished_image_of_generated_files(tmp_path: Path) -> None:
    """kustomize takes a folder a process: some dozens, of those that it builds at all before the edit."""
    kubectl = find_kubectl()
    assert kubectl
    built = 0
    for seed in range(60):
        file, tag = kustomization(seed), TAGS[seed % len(TAGS)]
        folder = tmp_path / str(seed)
        folder.mkdir()
        (folder / "d.yaml").write_text(DEPLOYMENT)
        (folder / "kustomization.yaml").write_bytes(set_image(file.data, NAME, REPOSITORY, tag, D2, file="k").data)
        run = subprocess.run([kubectl, "kustomize", str(folder)], capture_output=True, text=True, check=False)
        if run.returncode == 0 and "kind: Deployment" in run.stdout:
            built += 1
            assert f"image: {REPOSITORY}:{tag}@{D2}\n" in run.stdout, seed
    assert built > 10


@given(st.text())
@settings(max_examples=500, deadline=None)
def test_a_quoted_string_is_read_back_as_that_string(text: str) -> None:
    if any(ord(char) < 32 or 0x7F <= ord(char) < 0xA0 or 0xD800 <= ord(char) < 0xE000 for char in text):
        return
    if any(char in "\u2028\u2029\ufeff\ufffe\uffff" for char in text):
        return
    for style in ("'", '"'):
        assert yaml.load(f"a: {quoted(text, style)}\n", Loader=yaml.CSafeLoader) == {"a": text}


@given(st.from_regex(TAG_RULE, fullmatch=True))
@settings(max_examples=2000, deadline=None)
def test_every_tag_is_written_as_a_string(tag: str) -> None:
    written = quoted(tag, "")
    assert yaml.load(f"newTag: {written}\n", Loader=yaml.CSafeLoader) == {"newTag": tag}
    assert needs_quotes(tag) == (written != tag)


@given(st.binary(max_size=300))
@settings(max_examples=1000, deadline=None)
def test_any_bytes_are_edited_or_refused_with_a_gitops_error(data: bytes) -> None:
    after, refusal = edited(b"images:\n- name: app\n" + data, "1")
    assert after is not None or refusal.startswith("k.yaml")
