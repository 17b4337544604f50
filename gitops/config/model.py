"""What gitops.yaml may say: frozen dataclasses, whose fields carry their own rules and documentation.

A field's YAML key is its name in camelCase. `reader` checks a document against these classes and `schema` publishes
them, so that a rule is written once, here.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar, NoReturn, dataclass_transform

from gitops.errors import GitopsError, nearest

UNRELEASED = "sha256:" + "0" * 64
"""The digest that a generated overlay says before the first bump. It renders, and no registry can have it."""

DNS_LABEL = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
QUANTITY = r"\d+(\.\d+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?"
CIDR = r"\d{1,3}(\.\d{1,3}){3}/\d{1,2}|[0-9a-fA-F:]*:[0-9a-fA-F:]*/\d{1,3}"
RELATIVE_PATH = r"(?!/)(?!.*(^|/)\.\.(/|$))[^\x00-\x1f\\]+"


def rule(
    doc: str,
    *,
    default: Any = dataclasses.MISSING,
    pattern: str = "",
    choices: tuple[str, ...] = (),
    minimum: int | None = None,
) -> Any:
    """A field of gitops.yaml: its documentation, and what its value must satisfy."""
    metadata = {"doc": doc, "pattern": pattern, "choices": choices, "minimum": minimum}
    if default is dataclasses.MISSING:
        return dataclasses.field(metadata=metadata)
    if isinstance(default, dict):
        return dataclasses.field(default_factory=lambda: dict(default), metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


@dataclass_transform(frozen_default=True, field_specifiers=(rule,))
class Section:
    """A frozen dataclass whose methods are written once, here: `dataclass` compiles six for each class, which was the
    slowest part of every start."""

    __dataclass_fields__: ClassVar[dict[str, dataclasses.Field[Any]]]

    def __init_subclass__(cls) -> None:
        dataclasses.dataclass(init=False, repr=False, eq=False)(cls)

    def __init__(self, *args: Any, **values: Any) -> None:
        fields = self.__dataclass_fields__
        given = dict(zip(fields, args, strict=False)) | values
        if len(given) < len(args) + len(values) or not given.keys() <= fields.keys():
            raise TypeError(f"{type(self).__name__}: {sorted(given.keys() - fields.keys()) or 'a field twice'}")
        self.__dict__.update((name, given[name] if name in given else _default(fields[name])) for name in fields)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in vars(self).items())})"

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and vars(other) == vars(self)

    def __hash__(self) -> int:
        return hash(tuple(vars(self).values()))

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"{type(self).__name__} is frozen")


def _default(of: dataclasses.Field[Any]) -> Any:
    if of.default_factory is not dataclasses.MISSING:
        return of.default_factory()
    if of.default is dataclasses.MISSING:
        raise TypeError(f"{of.name} is missing")
    return of.default


class Repository(Section):
    """A git repository: CodeCommit by name, another host by `connection`, anything by `url`."""

    repository: str = rule(
        "CodeCommit repository name, or owner/name behind a connection.", pattern=r"[\w.-]+(/[\w.-]+)*"
    )
    branch: str = rule("Branch that the pipeline follows.", default="main", pattern=r"(?!-)[\w./-]+")
    connection: str | None = rule(
        "ARN of a CodeConnections connection (GitHub, GitLab, Bitbucket, Azure DevOps).",
        default=None,
        pattern=r"arn:[\w-]+:(codeconnections|codestar-connections):[\w-]+:\d{12}:connection/[\w-]+",
    )
    url: str | None = rule(
        "Where git finds it, when that does not follow from the name. Never with a password in it.",
        default=None,
        pattern=r"(?!-)\S+",
    )


class Registry(Section):
    """A registry that is not the account's ECR."""

    host: str = rule("host[:port] of the registry.", pattern=r"[\w.-]+(:\d+)?")
    auth: str = rule(
        "Who gives the credentials: ecr (GetAuthorizationToken), docker (docker login's), none.",
        default="docker",
        choices=("ecr", "docker", "none"),
    )


class Scan(Section):
    """How many findings of ECR's scan an image may have and still be bumped; more are refused."""

    critical: int = rule("Most critical findings.", default=0, minimum=0)
    high: int | None = rule("Most high findings; any number by default.", default=None, minimum=0)


class Signature(Section):
    """Who must have signed an image that is bumped."""

    key: str = rule(
        "Public key (PEM), relative to gitops.yaml, such as the cosign.pub of cosign generate-key-pair.",
        pattern=RELATIVE_PATH,
    )


class Image(Section):
    """An image that a source repository builds, and the placeholder that manifests call it by."""

    name: str = rule(
        "Placeholder in kustomize/base, the `name` of the overlays' `images` entry.", pattern=r"(?!-)[\w./-]+"
    )
    repository: str = rule(
        "Repository in the registry.", pattern=r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*"
    )
    context: str = rule("Folder of the source repository that is built.", default=".", pattern=RELATIVE_PATH)
    dockerfile: str = rule("Dockerfile, relative to the context.", default="Dockerfile", pattern=RELATIVE_PATH)
    platforms: tuple[str, ...] = rule(
        "Platforms to build for.", default=("linux/amd64",), pattern=r"[a-z0-9]+/[a-z0-9/]+"
    )
    test: str | None = rule(
        "Command that tests the source in its context before the image is built; it may write JUnit and Cobertura XML"
        " under $REPORTS.",
        default=None,
    )
    scan: Scan | None = rule("Gate on ECR's scan; none by default.", default=None)
    signature: Signature | None = rule("Gate on a signature of cosign's; none by default.", default=None)
    build_args: Mapping[str, str] = rule("Build arguments. Never secrets: they stay readable in the image.", default={})


class Resources(Section):
    """What a container asks for, and the most that it gets. Quantities are quoted: "100m" CPU, "128Mi" memory."""

    cpu: str = rule(
        "CPU requested. There is no CPU limit: one throttles even on an idle node.", default="100m", pattern=QUANTITY
    )
    memory: str = rule("Memory requested.", default="64Mi", pattern=QUANTITY)
    memory_limit: str | None = rule(
        "Most memory; above it the container is killed. By default 128Mi, or as much as is requested.",
        default=None,
        pattern=QUANTITY,
    )


class Egress(Section):
    """Where an application's pods may connect to, outside of the cluster."""

    cidr: str = rule("Addresses, such as 10.0.0.0/16.", pattern=CIDR)
    ports: tuple[int, ...] = rule("TCP ports there.", minimum=1)


class Autoscaling(Section):
    """A HorizontalPodAutoscaler for an application: it owns the number of pods, from `replicas` up to `max`."""

    max: int = rule("Most pods.", minimum=1)
    cpu: int = rule("CPU use to aim at, in percent of what is requested.", default=50, minimum=1)


class Application(Section):
    """A workload that the generator writes manifests for."""

    name: str = rule("Name of its Deployment.", pattern=DNS_LABEL)
    image: str = rule("The `name` of one of `images`.")
    port: int = rule("Port that the container and the Service listen on.", default=8080, minimum=1)
    health: str = rule("HTTP path of the health check.", default="/health", pattern=r"/\S*")
    replicas: int = rule("Number of pods; the least number with `autoscaling`.", default=2, minimum=0)
    autoscaling: Autoscaling | None = rule("Add and remove pods by their use of CPU.", default=None)
    resources: Resources = rule("Requests and limits of its container.", default=Resources())
    env: Mapping[str, str] = rule("Environment variables. Never secrets: they are readable in git.", default={})
    service: str = rule(
        "Type of its Service: LoadBalancer is reached from outside of the cluster.",
        default="ClusterIP",
        choices=("ClusterIP", "LoadBalancer"),
    )
    callers: tuple[str, ...] = rule("Applications of this file that may call it.", default=(), pattern=DNS_LABEL)
    caller_cidrs: tuple[str, ...] = rule(
        "Addresses that may call it: the VPC's, for a load balancer.", default=(), pattern=CIDR
    )
    egress: tuple[Egress, ...] = rule(
        "What it may call outside of the cluster: databases, AWS, other APIs.", default=()
    )
    aws: bool = rule("Uses a role by EKS Pod Identity, so that its pods must reach the node's agent.", default=False)


class Cluster(Section):
    """An EKS cluster, or any cluster that the kubeconfig knows."""

    name: str = rule("Name of the EKS cluster.", pattern=r"[A-Za-z0-9][\w-]{0,99}")
    version: str | None = rule("Kubernetes minor version, quoted.", default=None, pattern=r"1\.\d\d")
    region: str | None = rule("Region, where it is not the top one.", default=None, pattern=r"[a-z]{2}(-[a-z]+)+-\d")
    account: str | None = rule("Account, where it is not the top one.", default=None, pattern=r"\d{12}")
    auto_mode: bool = rule("Whether it is an EKS Auto Mode cluster, which scales its nodes by itself.", default=False)
    context: str | None = rule("Context of the kubeconfig to use instead of asking EKS.", default=None)


class Target(Section):
    """The rendered-manifests pattern: a release is a commit of rendered objects. Give `folder` or `branch`."""

    folder: str | None = rule("Folder to write to, relative to gitops.yaml.", default=None, pattern=r"(?!-).+")
    branch: str | None = rule("Branch of the manifest repository to commit to.", default=None, pattern=r"(?!-)[\w./-]+")


class Quota(Section):
    """The most that all pods of an environment's namespace may ask for together."""

    pods: int = rule("Number of pods.", default=50, minimum=1)
    cpu: str = rule("CPU requested, quoted.", default="20", pattern=QUANTITY)
    memory: str = rule("Memory requested.", default="40Gi", pattern=QUANTITY)


class Promotion(Section):
    """What the environment before must have proved of images that are promoted into this one."""

    soak: str = rule("How long it must have had them, as in 30m, 12h, 2d.", default="0m", pattern=r"\d{1,4}[smhd]")
    checks: tuple[str, ...] = rule(
        "Checks that must have passed there: gitops verify ENV CHECK.", default=(), pattern=DNS_LABEL
    )


class Field(Section):
    """A scalar of a YAML file that says an image, such as a tag in Helm values."""

    file: str = rule("The file, relative to gitops.yaml.", pattern=RELATIVE_PATH)
    path: str = rule("Where in it, as in backend.image.tag or list[0].tag.", pattern=r"[^\s.]+(\.[^\s.]+)*")
    image: str = rule("The `name` of one of `images`.")
    part: str = rule(
        "What it says of the image; reference is all of it.", choices=("tag", "digest", "name", "reference")
    )


class Environment(Section):
    """An application overlay and where it is released."""

    name: str = rule("Name, as commands take it.", pattern=DNS_LABEL)
    namespace: str = rule("Namespace of the application's objects.", pattern=DNS_LABEL)
    cluster: str | None = rule("The `name` of one of `clusters`.", default=None)
    target: Target | None = rule("Release rendered manifests instead of applying to a cluster.", default=None)
    overlay: str | None = rule(
        "Folder of its kustomization; kustomize/overlays/NAME by default.", default=None, pattern=RELATIVE_PATH
    )
    approval: bool = rule("Ask a person before the pipeline deploys.", default=False)
    policy: str | None = rule(
        "Which tag gitops bump takes where it is given none.",
        default=None,
        pattern=r"newest-build|alphabetical|semver:[\^~]?\d+(\.\d+){0,2}",
    )
    fields: tuple[Field, ...] = rule("Fields that a bump writes besides the overlay's images.", default=())
    promotion: Promotion = rule("What images must have proved before they are promoted here.", default=Promotion())
    pod_security: str = rule(
        "Pod Security level that the namespace enforces; `restricted` is audited and warned of in any case.",
        default="baseline",
        choices=("privileged", "baseline", "restricted"),
    )

    quota: Quota = rule("The most that its namespace may ask for.", default=Quota())

    @property
    def path(self) -> str:
        return self.overlay or f"kustomize/overlays/{self.name}"


class Headroom(Section):
    """Placeholder pods that give way to any other: nodes are there before they are needed."""

    pods: int = rule("Number of placeholders; 0 for none.", default=1, minimum=0)
    cpu: str = rule("CPU that each keeps free.", default="500m", pattern=QUANTITY)
    memory: str = rule("Memory that each keeps free.", default="512Mi", pattern=QUANTITY)


class Platform(Section):
    """Cluster-wide overlays, deployed in this order before any environment."""

    overlays: tuple[str, ...] = rule("Names of folders under kustomize/overlays.", default=(), pattern=DNS_LABEL)
    clusters: tuple[str, ...] = rule("Clusters that get them; all by default.", default=())
    readers: tuple[str, ...] = rule(
        "ARNs of IAM roles of people who may read the environments' objects, and change nothing.",
        default=(),
        pattern=r"arn:[\w-]+:iam::\d{12}:role/[\w+=,.@/-]+",
    )
    headroom: Headroom = rule("Room kept free for applications that scale.", default=Headroom())
    registries: tuple[str, ...] = rule(
        "Registries, besides the one that is pushed to, that application namespaces may run images from.",
        default=(),
        pattern=r"[\w.-]+(:\d+)?(/[\w./-]+)?",
    )


class Pipeline(Section):
    """What runs the builds in AWS."""

    image: str = rule(
        "CodeBuild image of every build; one of the catalogue's.",
        default="aws/codebuild/amazonlinux-x86_64-standard:6.0",
        pattern=r"[\w./:@-]+",
    )
    python: str = rule(
        "Python of `runtime-versions`, quoted; one that the image offers.", default="3.13", pattern=r"3\.\d+"
    )
    toolkit: str = rule(
        "Where builds get gitops: bucket (the wheel that `gitops pipeline up` uploads), or index.",
        default="bucket",
        choices=("bucket", "index"),
    )
    retention_days: int = rule("Days that logs of builds and clusters are kept.", default=90, minimum=1)
    notify: tuple[str, ...] = rule(
        "E-mail addresses that hear of alarms and failed pipelines.", default=(), pattern=r"[^@\s]+@[^@\s]+\.[^@\s]+"
    )


class Config(Section):
    """The whole of gitops.yaml."""

    api_version: str = rule("Version of this format.", choices=("gitops/v1",))
    name: str = rule("Name of the system; prefixes what is made in AWS.", pattern=r"[a-z][a-z0-9-]{0,38}[a-z0-9]")
    region: str = rule("AWS region.", pattern=r"[a-z]{2}(-[a-z]+)+-\d")
    account: str = rule("AWS account, quoted.", pattern=r"\d{12}")
    source: Repository = rule("The source repository: what developers push to.")
    manifests: Repository = rule("The manifest repository: this file, kustomize/, buildspec/ and cfn/.")
    images: tuple[Image, ...] = rule("Images that the source repository builds.")
    environments: tuple[Environment, ...] = rule("Application overlays, promoted in this order.")
    clusters: tuple[Cluster, ...] = rule("Clusters that environments are deployed to.", default=())
    registry: Registry | None = rule("Registry, where it is not the account's ECR.", default=None)
    applications: tuple[Application, ...] = rule("Workloads; one for each image by default.", default=())
    platform: Platform = rule("Cluster-wide overlays.", default=Platform())
    pipeline: Pipeline = rule("The builds in AWS.", default=Pipeline())
    remotes: tuple[str, ...] = rule(
        "Git repositories that overlays may build on, at a full commit (?ref=), as in https://github.com/org/name.",
        default=(),
        pattern=r"(https://[^\s?#@/]+|ssh://[^\s?#/]+|http://(127\.0\.0\.1|localhost)(:\d+)?)/[^\s?#]+",
    )
    file: str = "gitops.yaml"
    """Where it was read from, for errors. Not a key of the format."""

    @property
    def file_name(self) -> str:
        """The last part of `file`: what generated files call it, wherever they are generated from."""
        return self.file.rpartition("/")[2]

    def environment(self, name: str) -> Environment:
        """The environment called `name`. Raises `GitopsError` with the nearest name."""
        known = {environment.name: environment for environment in self.environments}
        if name not in known:
            raise GitopsError(self.file, f"no environment '{name}'", nearest(name, known))
        return known[name]

    def image(self, name: str) -> Image:
        """The image whose placeholder, repository, repository's last part or application is `name`."""
        for image in self.images:
            if name in (image.name, image.repository):
                return image
        named = [application.image for application in self.applications if application.name == name]
        last = [i for i in self.images if i.repository.rpartition("/")[2] == name or i.name in named]
        if len(last) == 1:
            return last[0]
        if last:
            raise GitopsError(self.file, f"image '{name}' is ambiguous", "say " + " or ".join(i.name for i in last))
        raise GitopsError(self.file, f"no image '{name}'", nearest(name, [i.name for i in self.images]))

    def cluster(self, name: str) -> Cluster:
        """The cluster called `name`. Raises `GitopsError` with the nearest name."""
        known = {cluster.name: cluster for cluster in self.clusters}
        if name not in known:
            raise GitopsError(self.file, f"no cluster '{name}'", nearest(name, known))
        return known[name]

    @property
    def workloads(self) -> tuple[Application, ...]:
        """`applications`, or one with the defaults for each image."""
        return self.applications or tuple(
            Application(name=image.repository.rpartition("/")[2].replace(".", "-").replace("_", "-"), image=image.name)
            for image in self.images
        )

    @property
    def registry_host(self) -> str:
        """host[:port] of the registry that images are pushed to (the account's ECR by default)."""
        if self.registry:
            return self.registry.host
        suffix = "amazonaws.com.cn" if self.region.startswith("cn-") else "amazonaws.com"
        return f"{self.account}.dkr.ecr.{self.region}.{suffix}"

    def image_repository(self, image: Image) -> str:
        """What `newName` says for `image`: the registry's host and the repository."""
        return f"{self.registry_host}/{image.repository}"

    def image_repositories(self) -> dict[str, str]:
        """Each image's name -> its repository, with the registry's host."""
        return {image.name: self.image_repository(image) for image in self.images}

    def clone_url(self, repository: Repository) -> str:
        """Where git finds `repository`. Raises `GitopsError` behind a connection without `url`."""
        if repository.url:
            return repository.url
        if repository.connection:
            raise GitopsError(
                self.file, f"{repository.repository} is behind a connection and has no url", "add its url"
            )
        suffix = "amazonaws.com.cn" if self.region.startswith("cn-") else "amazonaws.com"
        return f"https://git-codecommit.{self.region}.{suffix}/v1/repos/{repository.repository}"
