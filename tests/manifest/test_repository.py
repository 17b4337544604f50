"""One commit for an intent, on a branch that others move."""

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from gitops.cli import run
from gitops.clients.git import GitFailed, GitRepository
from gitops.clients.git_objects import GitObjects, NewCommit
from gitops.demo.git_server import GitServer
from gitops.errors import GitopsError
from gitops.manifest.bump import BumpOptions, WantedImage, bump, overlays_of
from gitops.manifest.images import read_images
from gitops.manifest.place import Place, clone_place, remote_place
from gitops.manifest.repository import Intent, LocalBranch, Proposal, Tree, commit
from tests.support.manifests import NEW, NEWER, git, kustomization, manifest_files, repository, write

PROD, STAGING = "kustomize/overlays/prod/kustomization.yaml", "kustomize/overlays/staging/kustomization.yaml"


def wanted(tag: str = "1.4.2", digest: str = NEW, name: str = "backend-app-image") -> WantedImage:
    return WantedImage(
        name, "r.example/team/backend-app", tag, digest, "3f9c2ab", "2026-11-24T00:00:00Z", "https://b/1"
    )


def intent(image: WantedImage | None = None, environments: tuple[str, ...] = ("prod",)) -> Intent:
    overlays = {name: f"kustomize/overlays/{name}" for name in environments}
    return bump(image or wanted(), overlays_of(overlays, config_file="gitops.yaml"), BumpOptions())


def place_of(clone: Path) -> Place:
    from gitops.config import load_config

    return clone_place(load_config(clone / "gitops.yaml"), clone)


def show(repository: Path, path: str, revision: str = "main") -> bytes:
    return GitRepository(repository).run("show", f"{revision}:{path}")


def test_the_diff_of_a_bump_is_the_lines_of_the_image(clone: Path) -> None:
    place = place_of(clone)
    assert place.settle(place.write(intent())) == []
    lines = GitRepository(clone).run("diff", "-U0", "HEAD~1").decode().split("\n")[4:]
    assert lines[1:] == [
        '-        newTag:   "1.4.1"\t# the version\r',
        f"-        digest:   {'sha256:' + '1a' * 32}\r",
        '+        newTag:   "1.4.2"\t# the version\r',
        f"+        digest:   {NEW}\r",
        "",
    ]
    assert (clone / PROD).read_bytes() == kustomization("1.4.2", NEW)
    assert git(clone, "status", "--porcelain") == ""


def test_the_commit_says_what_it_did(clone: Path, bare: Path) -> None:
    written = place_of(clone).write(intent(environments=("staging", "prod")))
    assert git(bare, "log", "-1", "--format=%an <%ae>%n%B", "main") == (
        "Test <test@example.invalid>\n"
        "bump backend-app-image 1.4.2 in staging, prod\n\n"
        "staging: 1.4.1 -> 1.4.2\nprod: 1.4.1 -> 1.4.2\n\n"
        f"Image: r.example/team/backend-app:1.4.2@{NEW}\n"
        "Image-Created: 2026-11-24T00:00:00Z\nSource-Revision: 3f9c2ab\nBuild-URL: https://b/1\n"
        "Environment: staging, prod"
    )
    assert git(bare, "rev-parse", "main") == written.commit
    assert git(bare, "rev-parse", "main~1") == written.base


def test_an_author_can_be_given(clone: Path, bare: Path) -> None:
    overlays = {"prod": "kustomize/overlays/prod"}
    place_of(clone).write(
        bump(wanted(), overlays_of(overlays, config_file=""), BumpOptions(author="Ann Other <ann@example.invalid>"))
    )
    assert git(bare, "log", "-1", "--format=%an <%ae> %cn", "main") == "Ann Other <ann@example.invalid> Test"


def test_works_without_a_clone(url: str, bare: Path) -> None:
    with remote_place(url, "main") as place:
        written = place.write(intent())
        folder = place.branch.objects.git.directory
    assert not folder.exists()
    assert show(bare, PROD) == kustomization("1.4.2", NEW)
    assert git(bare, "rev-parse", "main") == written.commit
    assert git(bare, "for-each-ref", "--format=%(refname)") == "refs/heads/main"


def test_works_in_a_repository_without_a_remote(tmp_path: Path) -> None:
    local = repository(tmp_path / "local", manifest_files(["prod"]))
    place = place_of(local)
    written = place.write(intent())
    assert written.verb == "committed"
    assert git(local, "diff", "--stat", "HEAD~1").splitlines()[-1] == " 1 file changed, 2 insertions(+), 2 deletions(-)"
    assert git(local, "status", "--porcelain") == ""
    git(local, "switch", "--quiet", "--create", "feature")
    place.write(intent(wanted("1.4.3", NEWER)))
    assert show(local, PROD) == kustomization("1.4.3", NEWER)
    assert git(local, "status", "--porcelain") == ""


def test_works_below_the_root_of_the_repository(tmp_path: Path) -> None:
    files = {f"deploy/{path}": data for path, data in manifest_files(["prod"]).items()}
    local = repository(tmp_path / "local", files)
    place = place_of(local / "deploy")
    assert place.prefix == "deploy"
    place.write(bump(wanted(), place.overlays(["prod"]), BumpOptions()))
    assert (local / "deploy" / PROD).read_bytes() == kustomization("1.4.2", NEW)


def test_nothing_is_committed_where_the_branch_says_so_already(clone: Path, bare: Path) -> None:
    place = place_of(clone)
    place.write(intent())
    tip = git(bare, "rev-parse", "main")
    again = place.write(intent())
    assert (again.commit, again.base, again.proposal.changed) == ("", tip, ())
    assert git(bare, "rev-parse", "main") == tip


def test_a_dry_run_writes_nothing(clone: Path, bare: Path) -> None:
    before = git(bare, "rev-parse", "main")
    written = place_of(clone).write(intent(), dry_run=True)
    assert [edit.after for edit in written.proposal.changed] == [kustomization("1.4.2", NEW)]
    assert git(bare, "rev-parse", "main") == git(clone, "rev-parse", "HEAD") == before
    assert git(clone, "count-objects") == git(clone, "count-objects")


@pytest.mark.parametrize("path", [PROD, "gitops.yaml"])
def test_uncommitted_changes_to_what_is_edited_are_refused(clone: Path, bare: Path, path: str) -> None:
    before = git(bare, "rev-parse", "main")
    data = (clone / path).read_bytes() + b"\r\n# mine"
    (clone / path).write_bytes(data)
    with pytest.raises(GitopsError, match=f"{path}: has uncommitted changes"):
        place_of(clone).write(intent())
    assert git(bare, "rev-parse", "main") == before
    assert (clone / path).read_bytes() == data


def test_other_uncommitted_work_is_left_alone_and_told_of(clone: Path) -> None:
    write(clone, {STAGING: b"# mine", "new.txt": b"mine"})
    (clone / "kustomize/base/kustomization.yaml").unlink()
    git(clone, "add", STAGING)
    place = place_of(clone)
    notes = place.settle(place.write(intent()))
    assert notes == ["3 uncommitted files left untouched"]
    assert (clone / STAGING).read_bytes() == b"# mine"
    assert git(clone, "diff", "--cached", "--name-only") == STAGING
    assert git(clone, "diff", "--name-only", "HEAD~1", "HEAD") == PROD


def test_commits_that_are_not_pushed_stay_unpushed(clone: Path, bare: Path) -> None:
    write(clone, {"mine.txt": b"1"})
    git(clone, "add", "--all")
    git(clone, "commit", "--quiet", "-m", "Mine")
    mine = git(clone, "rev-parse", "HEAD")
    place = place_of(clone)
    notes = place.settle(place.write(intent()))
    assert notes == ["this clone's main is left as it is (it has changes of its own): git pull --rebase"]
    assert git(clone, "rev-parse", "HEAD") == mine
    assert "mine.txt" not in git(bare, "ls-tree", "--name-only", "main").split()


def while_proposing(first: Callable[[], object], inner: Intent) -> tuple[Intent, list[str]]:
    """`inner`, with `first` called between the reading of the first tip and the push; and the tips it saw."""
    tips: list[str] = []

    def propose(tree: Tree) -> Proposal:
        proposal = inner(tree)
        if not tips:
            first()
        tips.append(tree.commit)
        return proposal

    return propose, tips


def test_a_moved_branch_is_read_again_and_nothing_is_lost(clone: Path, url: str, bare: Path) -> None:
    def other() -> None:
        with remote_place(url, "main") as place:
            place.write(intent(wanted("8", NEWER, "worker-image")))

    racing, tips = while_proposing(other, intent())
    written = place_of(clone).write(racing)
    assert written.attempts == len(tips) == 2
    entries = {entry.name: entry.new_tag for entry in read_images(show(bare, PROD), PROD)}
    assert entries == {"backend-app-image": "1.4.2", "worker-image": "8"}
    assert len(git(bare, "rev-list", "main").splitlines()) == 3
    assert git(bare, "rev-list", "--merges", "main") == ""


def test_an_overlay_that_went_away_meanwhile_is_an_error_and_no_commit(clone: Path, tmp_path: Path, url: str) -> None:
    def remove() -> None:
        git(tmp_path, "clone", "--quiet", url, "other")
        git(tmp_path / "other", "rm", "--quiet", PROD)
        git(tmp_path / "other", "commit", "--quiet", "-m", "Remove prod")
        git(tmp_path / "other", "push", "--quiet")

    racing, tips = while_proposing(remove, intent())
    with pytest.raises(
        GitopsError, match="environment 'prod' has its overlay in kustomize/overlays/prod, which has no"
    ):
        place_of(clone).write(racing)
    assert len(tips) == 1


def test_a_branch_that_never_rests_is_given_up(tmp_path: Path) -> None:
    local = repository(tmp_path / "local", manifest_files(["prod"]))
    git(local, "switch", "--quiet", "--create", "elsewhere")
    clock = iter(range(1000))
    pauses: list[float] = []

    def restless(tree: Tree) -> Proposal:
        git(
            local,
            "update-ref",
            "refs/heads/main",
            git(local, "commit-tree", "-p", tree.commit, "-m", "x", "main^{tree}"),
        )
        return intent()(tree)

    with pytest.raises(GitopsError, match=r"local main: moved 10 times in 9 s, the bump did not land"):
        commit(
            LocalBranch(GitRepository(local), "main"),
            restless,
            check=lambda proposal: None,
            now=lambda: float(next(clock)),
            sleep=pauses.append,
            random=lambda: 1.0,
            patience=9,
        )
    assert pauses == [0.1, 0.2, 0.4, 0.8, 1.6, 3.0, 3.0, 3.0, 3.0]


def test_a_symbolic_link_is_not_followed(tmp_path: Path) -> None:
    local = repository(tmp_path / "local", manifest_files(["prod"]))
    (local / PROD).unlink()
    (local / PROD).symlink_to("/etc/passwd")
    git(local, "commit", "--quiet", "-am", "Link")
    with pytest.raises(GitopsError, match=f"{PROD}: is a symbolic link, which is not followed"):
        place_of(local).write(intent())


def test_a_huge_file_is_refused_before_it_is_read(tmp_path: Path) -> None:
    local = repository(tmp_path / "local", manifest_files(["prod"]) | {PROD: b"#" * 9_000_000})
    with pytest.raises(GitopsError, match=f"{PROD}: has 9,000,000 bytes, over the limit"):
        place_of(local).write(intent())


def test_the_mode_of_the_file_stays(tmp_path: Path) -> None:
    local = repository(tmp_path / "local", manifest_files(["prod"]))
    (local / PROD).chmod(0o755)
    git(local, "commit", "--quiet", "-am", "Executable")
    place_of(local).write(intent())
    assert git(local, "ls-tree", "main", PROD).startswith("100755")


def test_names_with_odd_characters_are_passed_safely(tmp_path: Path) -> None:
    folder = 'kustomize/overlays/-x "y\\z ü;$(touch evil)*'
    local = repository(tmp_path / "local", {"gitops.yaml": b"", f"{folder}/kustomization.yaml": kustomization()})
    git(local, "switch", "--quiet", "--create", "elsewhere")
    branch = LocalBranch(GitRepository(local), "main")
    commit(
        branch,
        bump(wanted(), overlays_of({"prod": folder}, config_file=""), BumpOptions()),
        check=lambda proposal: None,
        now=lambda: 0.0,
        sleep=lambda seconds: None,
        random=lambda: 0.0,
    )
    assert show(local, f"{folder}/kustomization.yaml") == kustomization("1.4.2", NEW)
    assert git(local, "ls-tree", "-r", "--name-only", "main").count("\n") == 1


def test_without_an_identity_nothing_is_committed(clone: Path, home: Path) -> None:
    (home / ".gitconfig").write_text("[user]\n  useConfigOnly = true\n")
    with pytest.raises(GitopsError, match=r"^git: knows no name to commit with"):
        place_of(clone).write(intent())


def test_a_repository_of_sha256(tmp_path: Path) -> None:
    """In a clone, and without one, where what it uses is not known before it is asked."""
    bare, seed = tmp_path / "bare", tmp_path / "seed"
    for folder, more in ((bare, ["--bare"]), (seed, [])):
        git(tmp_path, "init", "--quiet", "--object-format=sha256", "--initial-branch=main", *more, str(folder))
    write(seed, manifest_files(["staging", "prod"]))
    git(seed, "add", "--all")
    git(seed, "commit", "--quiet", "-m", "Add the manifests")
    git(seed, "remote", "add", "origin", str(bare))
    git(seed, "push", "--quiet", "origin", "main")
    arguments = ["bump", "backend-app", "-e", "prod", "--unchecked", "--digest", NEW, "--tag"]
    assert run(["-C", str(seed), *arguments, "1.4.2"]) == 0
    assert run([*arguments, "1.4.3", "--repository", f"file://{bare}"]) == 0
    assert 'newTag:   "1.4.3"' in git(bare, "show", f"main:{PROD}")
    assert git(bare, "fsck", "--strict") == ""


def test_a_failed_import_leaves_no_report_behind(tmp_path: Path) -> None:
    local = repository(tmp_path / "local", {"a": b"b"})
    objects = GitObjects(GitRepository(local))
    with pytest.raises(GitFailed, match="git fast-import failed: fatal: "):
        objects.write(NewCommit("0" * 39 + "1", {"a": ("100644", b"c")}, "Say"))
    assert list(local.glob(".git/fast_import_crash*")) == []


@pytest.mark.parametrize("whole", [False, True])
def test_a_huge_file_is_not_fetched_without_a_clone(whole: bool, server: GitServer, url: str, clone: Path) -> None:
    write(clone, {PROD: random.randbytes(5_000_000), f"{PROD}.txt": b"small"})
    git(clone, "add", "--all")
    git(clone, "commit", "--quiet", "-m", "Huge")
    git(clone, "push", "--quiet")
    with remote_place(url, "main", whole=whole) as place:
        with pytest.raises(GitopsError, match=rf"^{PROD}: is over the limit of 4,000,000 bytes\n  try: split it$"):
            place.write(intent())
        packs = (place.branch.objects.git.directory / "objects").rglob("*")
        assert sum(path.stat().st_size for path in packs if path.is_file()) < 1_000_000


def test_a_server_that_knows_no_filter_serves_a_bump_too(tmp_path: Path) -> None:
    with GitServer(tmp_path / "served", settings={"uploadpack.allowFilter": "false"}) as server:
        bare = server.create("manifests")
        seed = repository(tmp_path / "seed", manifest_files(["prod"]) | {"huge": random.randbytes(5_000_000)})
        git(seed, "push", "--quiet", server.url("manifests"), "main")
        with remote_place(server.url("manifests"), "main") as place:
            assert place.write(intent()).commit == git(bare, "rev-parse", "main")
        git(seed, "pull", "--quiet", server.url("manifests"), "main")
        write(seed, {PROD: random.randbytes(5_000_000)})
        git(seed, "commit", "--quiet", "-am", "Huge")
        git(seed, "push", "--quiet", server.url("manifests"), "main")
        with (
            remote_place(server.url("manifests"), "main") as place,
            pytest.raises(GitopsError, match=f"{PROD}: has 5,000,000 bytes, over the limit"),
        ):
            place.write(intent())


def test_a_repository_may_be_a_path_from_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    repository(tmp_path / "manifests", manifest_files(["prod"]))
    (tmp_path / "deep").mkdir()
    monkeypatch.chdir(tmp_path / "deep")
    for path in ("../manifests", str(tmp_path / "manifests")):
        assert run(["images", "--repository", path]) == 0
        assert "backend-app-image  1.4.1" in capsys.readouterr().out
