"""Roles, one for each duty of a build or pipeline, each with the statements it needs and no more."""

from collections.abc import Sequence

from gitops.config import Cluster, Config, Repository
from gitops.template import names
from gitops.template.iam import Everything, Statement, allow, role, trust_role, trust_service
from gitops.template.names import Place
from gitops.template.yaml_text import Block, Comment

KEY = "${Key.Arn}"
"""The encryption key, within this stack."""

PUSH = (
    "ecr:BatchCheckLayerAvailability",
    "ecr:BatchGetImage",
    "ecr:CompleteLayerUpload",
    "ecr:DescribeImages",
    "ecr:DescribeImageScanFindings",
    "ecr:DescribeRepositories",
    "ecr:GetDownloadUrlForLayer",
    "ecr:InitiateLayerUpload",
    "ecr:PutImage",
    "ecr:UploadLayerPart",
)
READ_IMAGES = (
    "ecr:BatchGetImage",
    "ecr:DescribeImages",
    "ecr:DescribeImageScanFindings",
    "ecr:GetDownloadUrlForLayer",
)
REPORT = (
    "codebuild:BatchPutCodeCoverages",
    "codebuild:BatchPutTestCases",
    "codebuild:CreateReport",
    "codebuild:CreateReportGroup",
    "codebuild:UpdateReport",
)


def home_roles(config: Config) -> Block:
    resources: Block = {
        "PipelineRole": _pipeline_role(config),
        "BuildRole": _build_role(config),
        "BumpRole": _bump_role(config),
        "ValidateRole": _reading_role(config, names.VALIDATE, "Renders, checks and plans; reads only.", []),
    }
    if names.uses_codecommit(config.manifests):
        resources["ReviewRole"] = _reading_role(
            config, names.REVIEW, "Checks pull requests and says so on them.", [_review(config)]
        )
    if names.DEPLOY_PLATFORM in names.projects(config):
        clusters = list(names.platform_clusters(config))
        resources["DeployPlatformRole"] = _deploy_role(
            config, names.DEPLOY_PLATFORM, "Deploys the platform overlays.", clusters, pushes=False
        )
    for environment in config.environments:
        clusters = [config.cluster(environment.cluster)] if environment.cluster else []
        resources[names.logical("Deploy", environment.name, "Role")] = _deploy_role(
            config,
            names.deploy_duty(environment),
            f"Deploys {environment.name}, and nothing else.",
            clusters,
            pushes=environment.target is not None,
        )
    resources["EventsRole"] = _events_role(config)
    if names.uses_codecommit(config.source) and names.filters_paths(config):
        resources["PathFilterRole"] = _path_filter_role(config)
    return resources


def _pipeline_role(config: Config) -> Block:
    projects = [names.project_arn(config, duty) for duty in names.projects(config) if duty != names.REVIEW]
    statements = [
        *_artifacts(config, writes=True),
        *(_source(repository) for repository in dict.fromkeys((config.source, config.manifests)) if not repository.url),
        allow(
            "Runs its builds.",
            ["codebuild:BatchGetBuilds", "codebuild:StartBuild", "codebuild:StopBuild"],
            projects,
        ),
    ]
    if any(environment.approval for environment in config.environments):
        statements.append(allow("Asks for approvals.", ["sns:Publish"], [names.topic_arn(config)]))
    return role(
        names.role(config, names.PIPELINE),
        trust_service("codepipeline"),
        statements,
        "Runs both pipelines: reads the repositories, starts the builds.",
    )


def _source(repository: Repository) -> Statement:
    if repository.connection:
        return _connection(repository)
    return allow(
        f"Follows {repository.repository}.",
        [
            "codecommit:CancelUploadArchive",
            "codecommit:GetBranch",
            "codecommit:GetCommit",
            "codecommit:GetRepository",
            "codecommit:GetUploadArchiveStatus",
            "codecommit:UploadArchive",
        ],
        [names.repository_arn(repository)],
    )


def _connection(repository: Repository) -> Statement:
    """Both service prefixes: which one counts depends on when the connection was made."""
    assert repository.connection
    return allow(
        f"Reaches {repository.repository} through its connection.",
        ["codeconnections:UseConnection", "codestar-connections:UseConnection"],
        [repository.connection],
    )


def _clone(repository: Repository, push: bool = False) -> list[Statement]:
    if repository.connection:
        return [_connection(repository)]
    if repository.url:
        return []
    actions = ["codecommit:GitPull", *(["codecommit:GitPush"] if push else [])]
    what = "Clones and pushes to" if push else "Clones"
    return [allow(f"{what} {repository.repository}.", actions, [names.repository_arn(repository)])]


def _artifacts(config: Config, writes: bool) -> list[Statement]:
    bucket = f"arn:{names.PARTITION}:s3:::{names.bucket(config)}"
    actions = ["s3:GetObject", "s3:GetObjectVersion", *(["s3:PutObject"] if writes else [])]
    statements = [
        allow("Artifacts.", actions, [f"{bucket}/*"]),
        allow("Where artifacts are.", ["s3:GetBucketLocation", "s3:GetBucketVersioning", "s3:ListBucket"], [bucket]),
        allow(
            "Artifacts are encrypted.", ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey"], [KEY]
        ),
    ]
    if writes:
        forbid: Statement = {
            Comment("The toolkit is uploaded by people, never by a build."): None,
            "Effect": "Deny",
            "Action": "s3:PutObject",
            "Resource": names.sub(f"{bucket}/toolkit/*"),
        }
        statements.append(forbid)
    return statements


def _build_base(config: Config, duty: str, writes: bool, reports: bool) -> list[Statement]:
    """What every build needs: its own log group, artifacts, reports where it writes some."""
    group = f"arn:{names.PARTITION}:logs:{names.REGION}:{names.ACCOUNT}:log-group:{names.build_log_group(config, duty)}"
    report_group = f"arn:{names.PARTITION}:codebuild:{names.REGION}:{names.ACCOUNT}:report-group"
    statements = [
        allow("Its own log.", ["logs:CreateLogStream", "logs:PutLogEvents"], [group, f"{group}:*"]),
        *_artifacts(config, writes),
    ]
    if reports:
        statements.append(allow("Test reports.", REPORT, [f"{report_group}/{names.project(config, duty)}-*"]))
    return statements


def _images(config: Config, reason: str, actions: Sequence[str]) -> list[Statement]:
    """`actions` on the images' repositories, where they are in ECR, and the login that these need."""
    if config.registry:
        return []
    narrow = Everything("The token is the account's: there is no narrower form.")
    return [
        allow("Logs in to ECR.", ["ecr:GetAuthorizationToken"], narrow),
        allow(reason, actions, [names.image_repository_arn(image) for image in config.images]),
    ]


def _duty_role(config: Config, duty: str, statements: Sequence[Statement], description: str) -> Block:
    return role(names.role(config, duty), trust_service("codebuild"), statements, description)


def _build_role(config: Config) -> Block:
    statements = [
        *_build_base(config, names.BUILD, writes=True, reports=any(image.test for image in config.images)),
        *_clone(config.source),
        *_clone(config.manifests),
        *_images(config, "Pushes its images, and reads their scan.", PUSH),
    ]
    return _duty_role(config, names.BUILD, statements, "Builds, scans and pushes images.")


def _bump_role(config: Config) -> Block:
    statements = [
        *_build_base(config, names.BUMP, writes=False, reports=False),
        *_clone(config.manifests, push=True),
        *_images(config, "Checks what it writes down.", READ_IMAGES),
    ]
    return _duty_role(config, names.BUMP, statements, "Commits new images to the manifest repository.")


def _reading_role(config: Config, duty: str, description: str, more: Sequence[Statement]) -> Block:
    statements = [
        *_build_base(config, duty, writes=duty == names.VALIDATE, reports=True),
        *_clone(config.manifests),
        *_reach(config, duty, config.clusters),
        *more,
    ]
    return _duty_role(config, duty, statements, description)


def _review(config: Config) -> Statement:
    return allow(
        "Comments on pull requests, and approves or refuses them.",
        [
            "codecommit:GetCommentsForPullRequest",
            "codecommit:GetPullRequest",
            "codecommit:GetPullRequestApprovalStates",
            "codecommit:PostCommentForPullRequest",
            "codecommit:UpdateComment",
            "codecommit:UpdatePullRequestApprovalState",
        ],
        [names.repository_arn(config.manifests)],
    )


def _reach(config: Config, duty: str, clusters: Sequence[Cluster]) -> list[Statement]:
    """Finds the clusters of this account, and takes the role of the same name in each other account."""
    own = [cluster for cluster in clusters if names.place_of(config, cluster)[0] == config.account]
    others = dict.fromkeys(names.place_of(config, cluster)[0] for cluster in clusters if cluster not in own)
    statements = []
    if own:
        arns = [names.cluster_arn(config, cluster) for cluster in own]
        statements.append(allow("Finds the cluster's address.", ["eks:DescribeCluster"], arns))
    if others:
        roles = [names.role_arn(config, duty, account) for account in others]
        statements.append(allow("Takes the role of the cluster's account.", ["sts:AssumeRole"], roles))
    return statements


def _deploy_role(config: Config, duty: str, description: str, clusters: Sequence[Cluster], pushes: bool) -> Block:
    statements = [
        *_build_base(config, duty, writes=True, reports=False),
        *_clone(config.manifests, push=pushes),
        *_reach(config, duty, clusters),
    ]
    return _duty_role(config, duty, statements, description)


def _events_role(config: Config) -> Block:
    pipelines = [names.pipeline_arn(names.source_pipeline(config)), names.pipeline_arn(names.manifest_pipeline(config))]
    statements = [allow("Starts the pipelines.", ["codepipeline:StartPipelineExecution"], pipelines)]
    if names.uses_codecommit(config.manifests):
        review = [names.project_arn(config, names.REVIEW)]
        statements.append(allow("Starts the check of a pull request.", ["codebuild:StartBuild"], review))
    return role(
        names.role(config, names.EVENTS),
        trust_service("events"),
        statements,
        "Starts what a push or a pull request asks for.",
    )


def _path_filter_role(config: Config) -> Block:
    name = names.role(config, names.PATH_FILTER)
    group = f"arn:{names.PARTITION}:logs:{names.REGION}:{names.ACCOUNT}:log-group:/aws/lambda/{name}"
    return role(
        name,
        trust_service("lambda", for_this_account=False),
        [
            allow("Its own log.", ["logs:CreateLogStream", "logs:PutLogEvents"], [group, f"{group}:*"]),
            allow(
                "Reads which files a push changed.",
                ["codecommit:GetDifferences"],
                [names.repository_arn(config.source)],
            ),
            allow(
                "Starts the source pipeline.",
                ["codepipeline:StartPipelineExecution"],
                [names.pipeline_arn(names.source_pipeline(config))],
            ),
            allow("Reports what it could not do.", ["sns:Publish"], [names.topic_arn(config)]),
            allow("Its settings and the topic are encrypted.", ["kms:Decrypt", "kms:GenerateDataKey"], [KEY]),
        ],
        "Starts the source pipeline for the images that a push changed.",
    )


def visiting_roles(config: Config, place: Place) -> Block:
    """In another account: the roles that home's roles of the same name take. IAM is global: made in one region."""
    if place.account == config.account or not place.first_of_account:
        return {}
    duties: dict[str, list[Cluster]] = {}
    for cluster in config.clusters:
        if names.place_of(config, cluster)[0] == place.account:
            for duty in names.duties_on(config, cluster):
                duties.setdefault(duty, []).append(cluster)
    return {
        names.logical(duty, "Role"): role(
            names.role(config, duty),
            trust_role(names.role_arn(config, duty, config.account)),
            [
                allow(
                    "Finds the cluster's address.",
                    ["eks:DescribeCluster"],
                    [names.cluster_arn(config, cluster) for cluster in clusters],
                )
            ],
            f"Taken by the role of the same name in {config.account}.",
        )
        for duty, clusters in duties.items()
    }
