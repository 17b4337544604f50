"""Config -> the four buildspecs that CodeBuild runs: build, bump, validate, deploy.

Each is run in the manifest repository (CODEBUILD_SRC_DIR); the source repository, where it is needed, is the second
source called Source. What changes from run to run is an environment variable, which the pipeline's action sets:

- GITOPS_IMAGES: the images to build or bump, by name, with spaces between them (all by default)
- GITOPS_TARGET: the environment or platform overlay to plan or deploy
- GITOPS_WHEEL, GITOPS_WHEEL_SHA256: the toolkit, as `bootstrap` reads them
- PULL_REQUEST_ID, SOURCE_COMMIT, DESTINATION_COMMIT: the pull request to report on, for `validate`
"""

from collections.abc import Callable, Mapping
from typing import Any

from gitops.config import Config, Image
from gitops.template import bootstrap, catalogues
from gitops.template.yaml_text import Comment, write_yaml

FOLDER = "buildspec"
REPORTS = "/tmp/reports"  # noqa: S108 - of a build container, which runs one build and is thrown away
Spec = dict[Any, Any]


def buildspecs(config: Config) -> dict[str, bytes]:
    """Path -> content of each buildspec. Raises `GitopsError` for an image or a Python that CodeBuild has not."""
    makers: Mapping[str, Callable[[Config, Spec], Spec]] = {
        "build": _build,
        "bump": _bump,
        "validate": _validate,
        "deploy": _deploy,
    }
    return {f"{FOLDER}/{name}.yaml": _write(config, name, make) for name, make in makers.items()}


def _write(config: Config, name: str, make: Callable[[Config, Spec], Spec]) -> bytes:
    file = f"{FOLDER}/{name}.yaml"
    header = f"{_HEADERS[name]}\nGenerated from {config.file} by: gitops generate"
    text = write_yaml(make(config, _install(config, file)), header)
    line = next(n for n, content in enumerate(text.splitlines(), 1) if content.startswith("      python: "))
    return text.replace(bootstrap.LINE, str(line)).encode()


_HEADERS = {
    "build": "Builds the images, scans them, and hands their digests on.",
    "bump": "Writes the built images into the manifests, as one commit.",
    "validate": "Checks the manifests and plans what a deploy would change; changes nothing.",
    "deploy": "Deploys one environment or platform overlay.",
}


def _install(config: Config, file: str) -> Spec:
    image = catalogues.build_image(config.pipeline.image)
    python = catalogues.python_runtime(image, config.pipeline.python)
    lines = bootstrap.commands(file, python, image.name, config.pipeline.toolkit == "index")
    return {
        "on-failure": "ABORT",
        "runtime-versions": {"python": python},
        "commands": [
            Comment("Ends at once on a Python that the toolkit does not run on."),
            lines[0],
            Comment(
                "The toolkit, in a venv of its own: its wheel by the hash that the stack knows, and by the hashes of"
            ),
            Comment("the lock in that wheel everything else."),
            *lines[1:],
        ],
    }


def _spec(install: Spec, phases: Spec, **rest: Any) -> Spec:
    return {
        "version": 0.2,
        "env": {"shell": "bash", **rest.pop("env", {})},
        "phases": {"install": install, **phases},
        **rest,
        "cache": {"paths": ["/root/.cache/pip/**/*"]},
    }


def _script(*lines: str) -> str:
    """One command of several lines. Its status is the last line's: each line before must end the build itself."""
    return "\n".join(lines) + "\n"


def _build(config: Config, install: Spec) -> Spec:
    images = " ".join(image.name for image in config.images)
    tests = [_test(image) for image in config.images if image.test]
    return _spec(
        install,
        {
            **({"pre_build": {"on-failure": "ABORT", "commands": tests}} if tests else {}),
            "build": {
                "on-failure": "ABORT",
                "commands": [
                    Comment("An image whose source and arguments were pushed before is not built again."),
                    "mkdir -p built",
                    _script(
                        "for image in $GITOPS_IMAGES; do",
                        '  gitops build "$image" --source "$CODEBUILD_SRC_DIR_Source" \\',
                        '    --output "built/$image.json" || exit 1',
                        "done",
                    ),
                ],
            },
            "post_build": {
                "commands": [
                    Comment("CodeBuild runs this phase after a failed build too."),
                    'test "$CODEBUILD_BUILD_SUCCEEDING" = 1 || exit 1',
                    "cat built/*.json",
                ]
            },
        },
        env={"variables": {"GITOPS_IMAGES": images, "REPORTS": REPORTS}},
        **(_test_reports() if tests else {}),
        artifacts={"files": ["built/*.json"]},
    )


def _test(image: Image) -> str:
    return _script(
        f'case " $GITOPS_IMAGES " in *" {image.name} "*)',
        f'  (export REPORTS="$REPORTS/{image.name}" && mkdir -p "$REPORTS" &&',
        f'   cd "$CODEBUILD_SRC_DIR_Source/{image.context}" && {image.test}) || exit 1 ;;',
        "esac",
    )


def _test_reports() -> Spec:
    junit = {"base-directory": REPORTS, "files": ["**/junit*.xml"], "file-format": "JUNITXML"}
    coverage = {"base-directory": REPORTS, "files": ["**/coverage*.xml"], "file-format": "COBERTURAXML"}
    return {"reports": {"tests": junit, "coverage": coverage}}


def _bump(config: Config, install: Spec) -> Spec:
    first = config.environments[0].name
    return _spec(
        install,
        {
            "build": {
                "on-failure": "ABORT",
                "commands": [
                    Comment("The first environment takes what was built; gitops promote carries it on."),
                    _script(
                        'for result in "$CODEBUILD_SRC_DIR_Built"/built/*.json; do',
                        '  gitops bump --from "$result" --env "$GITOPS_TARGET" || exit 1',
                        "done",
                    ),
                    'export MANIFEST_COMMIT="$(git rev-parse HEAD)"',
                ],
            },
        },
        env={
            "git-credential-helper": "yes",
            "variables": {"GITOPS_TARGET": first},
            "exported-variables": ["MANIFEST_COMMIT"],
        },
    )


def _validate(config: Config, install: Spec) -> Spec:
    targets = " ".join([*config.platform.overlays, *(environment.name for environment in config.environments)])
    return _spec(
        install,
        {
            "build": {
                "on-failure": "ABORT",
                "commands": [
                    "mkdir -p reports plans",
                    "gitops validate -o junit > reports/validate.xml",
                    _script(
                        "for target in $GITOPS_TARGETS; do",
                        '  gitops plan "$target" --save "plans/$target.json" -o markdown \\',
                        '    > "plans/$target.md" || exit 1',
                        "done",
                    ),
                ],
            },
            "post_build": {
                "commands": [
                    Comment("On a pull request the plan becomes its comment, whether the checks passed or not."),
                    _script(
                        'if [ -n "${PULL_REQUEST_ID:-}" ]; then',
                        '  gitops pipeline report --plans plans --passed "$CODEBUILD_BUILD_SUCCEEDING"',
                        "fi",
                    ),
                ]
            },
        },
        env={"variables": {"GITOPS_TARGETS": targets}},
        reports={"manifests": {"base-directory": "reports", "files": ["validate.xml"], "file-format": "JUNITXML"}},
        artifacts={"files": ["plans/*"]},
    )


def _deploy(_: Config, install: Spec) -> Spec:
    return _spec(
        install,
        {
            "build": {
                "on-failure": "ABORT",
                "commands": [
                    Comment("After an approval exactly the plan that was shown is carried out, or nothing is."),
                    _script(
                        'if [ -n "${CODEBUILD_SRC_DIR_Plan:-}" ]; then',
                        '  gitops deploy "$GITOPS_TARGET" --plan "$CODEBUILD_SRC_DIR_Plan/plans/$GITOPS_TARGET.json"',
                        "else",
                        '  gitops deploy "$GITOPS_TARGET"',
                        "fi",
                    ),
                ],
            },
        },
    )
