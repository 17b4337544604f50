"""Config -> the four buildspecs that CodeBuild runs: build, bump, validate, deploy.

Each is run in the manifest repository (CODEBUILD_SRC_DIR); the source repository, where it is needed, is the second
source called Source. What changes from run to run is an environment variable, which the pipeline's action sets:

- GITOPS_IMAGES: the images to build, by name, with spaces between them (all by default)
- GITOPS_TARGET, GITOPS_CLUSTER: what to deploy (an environment, or `platform`), and on which cluster where that is open
- GITOPS_STEP: `plan` where `deploy` shall only plan; GITOPS_PLAN: the artifact with the plan to carry out
- GITOPS_ROLE, GITOPS_ROLE_ARN: the role to take in a cluster's account, for `validate` and for `deploy`
- GITOPS_WHEEL, GITOPS_WHEEL_SHA256: the toolkit, as `bootstrap` reads them
- PULL_REQUEST_ID, SOURCE_COMMIT, DESTINATION_COMMIT: the pull request to report on, for `validate`
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from gitops.config import Cluster, Config, Image
from gitops.template import bootstrap, catalogues, names
from gitops.template.yaml_text import Block, Comment, write_yaml

FOLDER = "buildspec"
REPORTS = "/tmp/reports"  # noqa: S108 - of a build container, which runs one build and is thrown away
_NAMES_AND_TAGS = (
    "'import glob, json; "
    'print(*("%(name)s:%(tag)s" % json.load(open(f)) for f in sorted(glob.glob("built/*.json"))))\''
)


def buildspecs(config: Config) -> dict[str, bytes]:
    """Path -> content of each buildspec. Raises `GitopsError` for an image or a Python that CodeBuild has not."""
    makers: Mapping[str, Callable[[Config, Block], Block]] = {
        "build": _build,
        "bump": _bump,
        "validate": _validate,
        "deploy": _deploy,
    }
    return {f"{FOLDER}/{name}.yaml": _write(config, name, make) for name, make in makers.items()}


def _write(config: Config, name: str, make: Callable[[Config, Block], Block]) -> bytes:
    file = f"{FOLDER}/{name}.yaml"
    header = f"{_HEADERS[name]}\nGenerated from {config.file_name} by: gitops generate"
    text = write_yaml(make(config, _install(config, file)), header)
    line = next(n for n, content in enumerate(text.splitlines(), 1) if content.startswith("      python: "))
    return text.replace(bootstrap.LINE, str(line)).encode()


_HEADERS = {
    "build": "Builds the images, scans them, and hands their digests on.",
    "bump": "Writes the built images into the manifests, as one commit.",
    "validate": "Checks the manifests and plans what a deploy would change; changes nothing.",
    "deploy": "Deploys one environment or platform overlay.",
}


def _install(config: Config, file: str) -> Block:
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


def _spec(install: Block, phases: Block, env: Block, results: Block) -> Block:
    return {
        "version": 0.2,
        "env": {"shell": "bash", **env},
        "phases": {"install": install, **phases},
        **results,
        "cache": {"paths": ["/root/.cache/pip/**/*"]},
    }


def _script(*lines: str) -> str:
    """One command of several lines. Its status is the last line's: each line before must end the build itself."""
    return "\n".join(lines) + "\n"


def _build(config: Config, install: Block) -> Block:
    images = " ".join(image.name for image in config.images)
    tests = [_test(image) for image in config.images if image.test]
    return _spec(
        install,
        {
            **({"pre_build": {"on-failure": "ABORT", "commands": tests}} if tests else {}),
            "build": {
                "commands": [
                    Comment("An image whose source and arguments were pushed before is not built again."),
                    "mkdir -p built",
                    _script(
                        "for image in $GITOPS_IMAGES; do",
                        '  gitops build "$image" --source "$CODEBUILD_SRC_DIR_Source" --revision HEAD \\',
                        '    --output "built/$image.json" || exit 1',
                        "done",
                    ),
                ],
            },
            "post_build": {
                "commands": [
                    Comment("CodeBuild runs this phase after a failed build too."),
                    'test "$CODEBUILD_BUILD_SUCCEEDING" = 1 || exit 1',
                    f'export IMAGES="$(python -c {_NAMES_AND_TAGS})" && echo "$IMAGES"',
                ]
            },
        },
        env={"variables": {"GITOPS_IMAGES": images, "REPORTS": REPORTS}, "exported-variables": ["IMAGES"]},
        results={**(_test_reports() if tests else {}), "artifacts": {"files": ["built/*.json"]}},
    )


def _test(image: Image) -> str:
    return _script(
        f'case " $GITOPS_IMAGES " in *" {image.name} "*)',
        f'  (export REPORTS="$REPORTS/{image.name}" && mkdir -p "$REPORTS" &&',
        f'   cd "$CODEBUILD_SRC_DIR_Source/{image.context}" && {image.test}) || exit 1 ;;',
        "esac",
    )


def _test_reports() -> Block:
    junit = {"base-directory": REPORTS, "files": ["**/junit*.xml"], "file-format": "JUNITXML"}
    coverage = {"base-directory": REPORTS, "files": ["**/coverage*.xml"], "file-format": "COBERTURAXML"}
    return {"reports": {"tests": junit, "coverage": coverage}}


def _bump(config: Config, install: Block) -> Block:
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
                        '  gitops bump "$(basename "$result" .json)" --from "$result" --env "$GITOPS_TARGET" \\',
                        '    --build-url "${CODEBUILD_BUILD_URL:-}" || exit 1',
                        "done",
                    ),
                    f"git fetch --quiet origin {config.manifests.branch}",
                    # The clone's own HEAD is detached, and stays where the build began.
                    'export MANIFEST_COMMIT="$(git rev-parse FETCH_HEAD)"',
                ],
            },
        },
        env={
            "git-credential-helper": "yes",
            "variables": {"GITOPS_TARGET": first, **_COMMITTER},
            "exported-variables": ["MANIFEST_COMMIT"],
        },
        results={},
    )


_COMMITTER: Block = {
    Comment("A build's machine has no name to commit with."): None,
    "GIT_COMMITTER_NAME": "gitops",
    "GIT_COMMITTER_EMAIL": "gitops@localhost",
}


def _validate(config: Config, install: Block) -> Block:
    return _spec(
        install,
        {
            "build": {
                "commands": [
                    "mkdir -p reports plans",
                    Comment("The findings as a report, and in the log where there are errors."),
                    "gitops validate -o junit > reports/validate.xml || { gitops validate; exit 1; }",
                    *_profiles(config),
                    *_plans(config),
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
        env={},
        results={
            "reports": {
                "manifests": {"base-directory": "reports", "files": ["validate.xml"], "file-format": "JUNITXML"}
            },
            "artifacts": {"files": ["plans/*"]},
        },
    )


def _profiles(config: Config) -> list[Any]:
    """A profile for each other account that has a cluster: the role of the same name there."""
    others = [place for place in names.places(config) if place.account != config.account]
    if not others:
        return []
    accounts = " ".join(dict.fromkeys(place.account for place in others))
    return [
        Comment("Clusters of other accounts are read as the role of the same name there."),
        _script(
            f"for account in {accounts}; do",
            '  echo "[profile $account]"',
            f'  echo "role_arn = arn:{names.partition(config.region)}:iam::$account:role/'
            f'${{GITOPS_ROLE:-{names.role(config, names.VALIDATE)}}}"',
            '  echo "credential_source = EcsContainer"',
            'done > "$TOOLKIT/aws" && export AWS_CONFIG_FILE="$TOOLKIT/aws"',
        ),
    ]


def _plans(config: Config) -> Iterator[str]:
    """A line for each plan, in the order of a deploy."""
    clusters = names.platform_clusters(config) if config.platform.overlays else []
    for cluster in clusters:
        narrowed = f" --cluster {cluster.name}" if len(clusters) > 1 else ""
        file = f"platform-{cluster.name}" if narrowed else "platform"
        yield _plan(config, f"platform{narrowed}", file, cluster, save=False)
    for environment in config.environments:
        on = config.cluster(environment.cluster) if environment.cluster else None
        yield _plan(config, environment.name, environment.name, on, save=True)


def _plan(config: Config, target: str, file: str, cluster: Cluster | None, save: bool) -> str:
    """Plan `target` into plans/`file`; the plan of one environment can be saved, that of several overlays cannot."""
    account = names.place_of(config, cluster)[0] if cluster else config.account
    profile = f"AWS_PROFILE={account} " if account != config.account else ""
    saved = f" --save plans/{file}.json" if save else ""
    return f"{profile}gitops plan {target}{saved} -o markdown > plans/{file}.md"


def _deploy(_: Config, install: Block) -> Block:
    return _spec(
        install,
        {
            "build": {
                "on-failure": "ABORT",
                "commands": [
                    _script(
                        "# A cluster of another account is deployed to as the role of the same name there.",
                        'if [ -n "${GITOPS_ROLE_ARN:-}" ]; then',
                        '  printf "[profile cluster]\\nrole_arn = %s\\ncredential_source = EcsContainer\\n" \\',
                        '    "$GITOPS_ROLE_ARN" > "$TOOLKIT/aws"',
                        '  export AWS_CONFIG_FILE="$TOOLKIT/aws" AWS_PROFILE=cluster',
                        "fi",
                    ),
                    _script(
                        "# After an approval exactly the plan that was shown is carried out, or nothing is.",
                        'set -- "$GITOPS_TARGET" ${GITOPS_CLUSTER:+--cluster "$GITOPS_CLUSTER"}',
                        'if [ "${GITOPS_STEP:-}" = plan ]; then',
                        '  mkdir -p plans && gitops plan "$@" --save plans/plan.json > plans/plan.txt &&',
                        '    cat plans/plan.txt && export PLAN_SUMMARY="$(tail -n 1 plans/plan.txt | cut -c 1-900)"',
                        'elif [ -n "${GITOPS_PLAN:-}" ]; then',
                        '  shown="CODEBUILD_SRC_DIR_$GITOPS_PLAN"',
                        '  gitops deploy "$@" --yes --rollback-on-failure --plan "${!shown}/plans/plan.json"',
                        "else",
                        '  gitops deploy "$@" --yes --rollback-on-failure',
                        "fi",
                    ),
                    "mkdir -p plans && git rev-parse HEAD > plans/revision",
                ],
            },
        },
        env={
            Comment("While it waits it asks the origin for a newer commit, as the role of this build."): None,
            "git-credential-helper": "yes",
            "exported-variables": ["PLAN_SUMMARY"],
        },
        results={"artifacts": {"files": ["plans/*"]}},
    )
