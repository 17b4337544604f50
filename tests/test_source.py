"""A revision of a source repository: what is committed, nothing else, and the repository left as it was."""

import io
import os
import stat
import tarfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gitops.clients.git import GitRepository
from gitops.errors import GitopsError
from gitops.source import Revision, _extract, open_source
from tests.support.sources import commit, contents, source_repository


@pytest.fixture
def source(tmp_path: Path) -> GitRepository:
    return source_repository(tmp_path / "app", origin="https://robot:secret@git.example.invalid/app")


def built_files(git: GitRepository, context: str, revision: str = "", *, dirty: bool = False) -> dict[str, bytes]:
    with open_source(git.directory, revision, dirty=dirty) as opened, opened.files(context) as folder:
        return contents(folder)


def revision_of(git: GitRepository, *, dirty: bool = False) -> Revision:
    with open_source(git.directory, dirty=dirty) as opened:
        return opened.revision


def test_a_revision_says_commit_date_and_origin_without_the_password(source: GitRepository) -> None:
    revision = revision_of(source)
    assert revision.commit == source.head()
    assert revision.tag == source.head()[:7]
    assert revision.created == datetime(2026, 11, 20, 1, 0, tzinfo=UTC)
    assert revision.origin == "https://git.example.invalid/app"
    assert not revision.dirty


def test_only_what_is_committed_is_there(source: GitRepository) -> None:
    (source.directory / "backend-app/app.py").write_text("print('uncommitted')\n")
    (source.directory / "backend-app/secret.txt").write_text("not for the image\n")
    assert built_files(source, "backend-app") == {
        "Dockerfile": b"FROM scratch\nCOPY app.py /\n",
        "app.py": b"print('one')\n",
    }


def test_the_whole_repository_can_be_the_context(source: GitRepository) -> None:
    assert sorted(built_files(source, ".")) == ["README.md", "backend-app/Dockerfile", "backend-app/app.py"]


def test_an_earlier_commit_is_built_by_its_name(source: GitRepository) -> None:
    source.run("tag", "v1")
    commit(source, {"backend-app/app.py": "print('two')\n"})
    assert built_files(source, "backend-app", "v1")["app.py"] == b"print('one')\n"


def test_files_are_dated_as_the_commit_and_have_plain_modes(source: GitRepository) -> None:
    (source.directory / "backend-app/run").write_text("#!/bin/sh\n")
    (source.directory / "backend-app/run").chmod(0o755)
    commit(source, {})
    with open_source(source.directory) as opened, opened.files("backend-app") as folder:
        seconds = datetime(2026, 11, 20, 1, 0, tzinfo=UTC).timestamp()
        assert {path.stat().st_mtime for path in folder.iterdir()} == {seconds}
        assert stat.S_IMODE((folder / "run").stat().st_mode) == 0o755
        assert stat.S_IMODE((folder / "app.py").stat().st_mode) == 0o644


def test_a_line_end_setting_of_the_machine_changes_nothing(source: GitRepository) -> None:
    source.run("config", "core.autocrlf", "true")
    assert built_files(source, "backend-app")["app.py"] == b"print('one')\n"


def test_attributes_at_the_top_of_the_repository_count_in_a_context_below(source: GitRepository) -> None:
    commit(source, {".gitattributes": "backend-app/notes export-ignore\n", "backend-app/notes": "mine\n"})
    assert "notes" not in built_files(source, "backend-app")


def test_a_dirty_work_tree_is_built_when_asked_and_says_so(source: GitRepository) -> None:
    (source.directory / "backend-app/app.py").write_text("print('uncommitted')\n")
    (source.directory / "backend-app/new.py").write_text("new\n")
    commit_tag = source.head()[:7]
    assert revision_of(source, dirty=True).tag.startswith(f"{commit_tag}-dirty-")
    files = built_files(source, "backend-app", dirty=True)
    assert files["app.py"] == b"print('uncommitted')\n"
    assert files["new.py"] == b"new\n"


def test_what_git_ignores_is_not_part_of_a_dirty_build(source: GitRepository) -> None:
    commit(source, {".gitignore": "*.pyc\n"})
    (source.directory / "backend-app/app.pyc").write_text("compiled\n")
    assert not revision_of(source, dirty=True).dirty
    assert "app.pyc" not in built_files(source, "backend-app", dirty=True)


def test_two_dirty_states_have_two_tags_and_the_same_state_one(source: GitRepository) -> None:
    tags = []
    for text in ("a\n", "b\n", "a\n"):
        (source.directory / "backend-app/app.py").write_text(text)
        tags.append(revision_of(source, dirty=True).tag)
    assert tags[0] == tags[2] != tags[1]


def test_a_clean_work_tree_is_no_dirty_one(source: GitRepository) -> None:
    assert revision_of(source, dirty=True) == revision_of(source)


def test_looking_at_a_dirty_work_tree_leaves_the_repository_as_it_was(source: GitRepository) -> None:
    (source.directory / "backend-app/app.py").write_text("print('uncommitted')\n")
    before = contents(source.directory)
    built_files(source, "backend-app", dirty=True)
    assert contents(source.directory) == before


@pytest.mark.parametrize("dirty", [False, True])
def test_the_tree_of_a_context_changes_with_its_files_only(source: GitRepository, dirty: bool) -> None:
    def tree() -> str:
        with open_source(source.directory, dirty=dirty) as opened:
            return opened.subtree("backend-app/")

    first = tree()
    commit(source, {"README.md": "Read me again.\n"})
    assert tree() == first
    commit(source, {"backend-app/app.py": "print('two')\n"})
    assert tree() != first


def test_an_empty_repository_is_an_error(tmp_path: Path) -> None:
    GitRepository(tmp_path).run("init", "--quiet")
    with pytest.raises(GitopsError, match="has no commit yet"), open_source(tmp_path):
        pass


def test_a_folder_without_a_repository_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(GitopsError, match="is not in a git repository"), open_source(tmp_path):
        pass


def test_a_detached_head_has_to_be_asked_for(source: GitRepository) -> None:
    source.run("checkout", "--quiet", "--detach")
    with pytest.raises(GitopsError, match=r"detached HEAD.*\n  try: .*--revision HEAD"), open_source(source.directory):
        pass
    with open_source(source.directory, "HEAD") as opened:
        assert opened.revision.commit == source.head()


@pytest.mark.parametrize("revision", ["nothing", "--upload-pack=x", "HEAD:backend-app"])
def test_what_is_no_commit_is_an_error(source: GitRepository, revision: str) -> None:
    with pytest.raises(GitopsError, match="has no commit"), open_source(source.directory, revision):
        pass


def test_a_folder_that_the_commit_has_not_is_an_error_with_the_nearest(source: GitRepository) -> None:
    with open_source(source.directory) as opened, pytest.raises(GitopsError, match="did you mean 'backend-app'"):
        opened.subtree("backend-ap")


@pytest.mark.parametrize("path", ["README.md", "backend-app/app.py"])
def test_a_file_is_no_folder_to_build(source: GitRepository, path: str) -> None:
    with open_source(source.directory) as opened, pytest.raises(GitopsError, match=f"has no folder '{path}'"):
        opened.subtree(path)


def test_a_dockerfile_that_is_not_committed_is_an_error(source: GitRepository) -> None:
    (source.directory / "backend-app/Other").write_text("FROM scratch\n")
    with open_source(source.directory) as opened:
        opened.check_file("backend-app", "Dockerfile")
        with pytest.raises(GitopsError, match="has no Other in backend-app"):
            opened.check_file("backend-app", "Other")


def test_a_submodule_in_the_context_is_an_error_as_its_files_are_elsewhere(source: GitRepository) -> None:
    entry = f"160000,{source.head()},backend-app/library"
    source.run("update-index", "--add", "--cacheinfo", entry)
    source.run("commit", "--quiet", "-m", "Add a submodule")
    with (
        open_source(source.directory) as opened,
        pytest.raises(GitopsError, match="backend-app/library: is a submodule"),
        opened.files("backend-app"),
    ):
        pass


def test_symbolic_links_are_kept_as_links(source: GitRepository) -> None:
    (source.directory / "backend-app/time").symlink_to("/etc/localtime")
    commit(source, {})
    with open_source(source.directory) as opened, opened.files("backend-app") as folder:
        assert os.readlink(folder / "time") == "/etc/localtime"


def test_a_bare_repository_has_no_work_tree_to_build(source: GitRepository, tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    GitRepository(tmp_path).run("clone", "--quiet", "--bare", str(source.directory), str(bare))
    with open_source(bare) as opened:
        assert opened.revision.commit == source.head()
    with pytest.raises(GitopsError, match="has no work tree"), open_source(bare, dirty=True):
        pass


def hostile(folder: Path, *members: tuple[str, str]) -> Path:
    """An archive of (name, target of a symbolic link, or "" for a file)."""
    archive = folder / "hostile.tar"
    with tarfile.open(archive, "w") as tar:
        for name, target in members:
            member = tarfile.TarInfo(name)
            if target:
                member.type, member.linkname = tarfile.SYMTYPE, target
                tar.addfile(member)
            else:
                member.size = 4
                tar.addfile(member, io.BytesIO(b"evil"))
    return archive


@pytest.mark.parametrize(
    "members",
    [
        [("../outside", "")],
        [("/tmp/outside", "")],
        [("link", ".."), ("link/outside", "")],
        [("a/../../outside", "")],
    ],
)
def test_an_archive_cannot_write_elsewhere(tmp_path: Path, members: list[tuple[str, str]]) -> None:
    with pytest.raises(GitopsError, match="leads out of the source's folder"):
        _extract(hostile(tmp_path, *members), tmp_path / "into", 0)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["hostile.tar", "into"]
