"""The bootstrap of a build, run for real under every CPython that pyenv has here."""

import hashlib
import os
import re
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from gitops import __version__
from gitops.template.buildspecs import buildspecs
from tests.support.configs import REPOSITORY, sample

PYENV = Path(os.environ.get("PYENV_ROOT") or Path("~").expanduser() / ".pyenv") / "versions"
MINORS = ("3.6", "3.7", "3.8", "3.9", "3.10", "3.11", "3.12", "3.13", "3.14")


def folder_of(minor: str) -> Path:
    """The bin folder of the CPython `minor`. Skips the test where pyenv has none."""
    found = sorted(PYENV.glob(f"{minor}.*/bin")) if PYENV.is_dir() else []
    if not found:
        pytest.skip(f"pyenv has no CPython {minor} here")
    return found[-1]


def cpu_seconds() -> float:
    """What ended children have used: a machine under load makes the clock run, not this."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def install_phase(folder: Path | None, workspace: Path, only: bool = False, **env: str) -> tuple[int, str, float]:
    """Run the install phase of buildspec/deploy.yaml as CodeBuild does, with `folder` first on PATH, or alone there."""
    document = yaml.safe_load(buildspecs(sample())["buildspec/deploy.yaml"])
    script = "".join(
        f"{line}\nstatus=$?; [ $status = 0 ] || exit $status\n" for line in document["phases"]["install"]["commands"]
    )
    path = str(folder) if only else f"{folder}:/usr/bin:/bin" if folder else str(workspace)
    before = cpu_seconds()
    done = subprocess.run(
        [str(shutil.which("bash")), "-c", script],
        env={**os.environ, "PATH": path, "TMPDIR": str(workspace), **env},
        cwd=workspace, capture_output=True, text=True, check=False, timeout=600,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr, cpu_seconds() - before


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The toolkit's wheel, built from this checkout."""
    tree, out = tmp_path_factory.mktemp("checkout"), tmp_path_factory.mktemp("dist")
    for name in ("gitops", "requirements", "kustomize", "buildspec", "cfn"):
        if (REPOSITORY / name).is_dir():
            shutil.copytree(REPOSITORY / name, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
        (tree / name).mkdir(exist_ok=True)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(REPOSITORY / name, tree)
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(out)],
        cwd=tree,
        check=True,
        capture_output=True,
    )
    return next(out.glob("*.whl"))


@pytest.mark.parametrize("minor", [minor for minor in MINORS if int(minor[2:]) < 11])
def test_below_3_11_it_ends_at_once_with_one_sentence(minor: str, tmp_path: Path) -> None:
    status, output, seconds = install_phase(folder_of(minor), tmp_path)
    assert status == 1
    assert re.fullmatch(
        rf"buildspec/deploy\.yaml:\d+: Python {re.escape(minor)} was found, gitops needs 3\.11 to 3\.14;"
        r' set this line to python: "3\.13" and the image to one that has it \(aws/codebuild/\S+\)\n',
        output,
    ), output
    assert seconds < 2, "the promise of the documentation"


def test_without_any_python_it_ends_with_a_sentence(tmp_path: Path) -> None:
    status, output, _ = install_phase(None, tmp_path)
    assert status == 1
    assert re.fullmatch(
        r"buildspec/deploy\.yaml:\d+: no Python was found, gitops needs 3\.11 to 3\.14; .*\n", output
    ), output


def tools(folder: Path, **programs: str) -> Path:
    """A folder with a few programs of this machine, and `programs`, by name, as scripts of bash."""
    folder.mkdir()
    for name in ("bash", "mktemp", "cp", "sha256sum", "basename"):
        (folder / name).symlink_to(str(shutil.which(name)))
    for name, script in programs.items():
        (folder / name).write_text(f"#!{shutil.which('bash')}\n{script}\n")
        (folder / name).chmod(0o755)
    return folder


def test_where_only_python3_12_is_there_it_is_taken(tmp_path: Path) -> None:
    said = tmp_path / "said"
    folder = tools(tmp_path / "bin", **{"python3.12": f'echo "$@" >> {said}; [ "$1" = -c ]'})
    install_phase(folder, tmp_path, only=True)
    assert said.read_text().splitlines()[-1].startswith("-m venv ")


def test_without_a_venv_module_it_says_what_the_image_lacks(tmp_path: Path) -> None:
    """As Debian's python3 is without python3-venv."""
    folder = tools(tmp_path / "bin", python3='case "$2" in *ensurepip*) exit 1 ;; esac')
    status, output, _ = install_phase(folder, tmp_path, only=True)
    assert status == 1
    assert re.fullmatch(
        rf"buildspec/deploy\.yaml:\d+: {folder}/python3 has no venv module; install python3-venv in the image,"
        r" or set it to aws/codebuild/\S+\n",
        output,
    ), output


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("minor", [minor for minor in MINORS if int(minor[2:]) >= 11])
def test_from_3_11_it_installs_the_toolkit(minor: str, wheel: Path, tmp_path: Path) -> None:
    folder = folder_of(minor)
    sha256 = hashlib.sha256(wheel.read_bytes()).hexdigest()
    status, output, _ = install_phase(
        folder, tmp_path, GITOPS_WHEEL=str(wheel), GITOPS_WHEEL_SHA256=sha256, PYTHONPATH="", PIP_USER="1"
    )
    assert (status, output.splitlines()[-1]) == (0, f"gitops {__version__}"), output


@pytest.mark.slow
def test_a_wheel_with_another_hash_is_not_installed(wheel: Path, tmp_path: Path) -> None:
    folder = Path(sys.executable).parent
    status, output, _ = install_phase(
        folder, tmp_path, GITOPS_WHEEL=str(wheel), GITOPS_WHEEL_SHA256="0" * 64, PYTHONPATH=""
    )
    assert status == 1
    assert "FAILED" in output
    assert not list(tmp_path.rglob("bin/gitops"))
