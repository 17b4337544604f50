"""What `gitops init` asks for, and the gitops.yaml that the answers make."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from gitops.config import Application, Cluster, Config, Environment, Image, Registry, Repository, parse_config
from gitops.config.reader import broken_rule
from gitops.errors import Problems, UsageError, nearest
from gitops.generate.texts import fill, scalar

EXAMPLE_ACCOUNT = "111122223333"
"""The account number of AWS's documentation: it stands in until the user's own is known."""

MONITORING = ("addon", "manifests")
"""Who brings the CloudWatch agent: the stack, as an EKS add-on, or the overlay `monitoring`. Never both."""


@dataclass(frozen=True)
class Answers:
    """The answers. An empty one means its default, which follows from `name`."""

    name: str = "eks-work"
    region: str = "ap-northeast-2"
    account: str = EXAMPLE_ACCOUNT
    application: str = "backend-app"
    port: int = 8080
    health: str = "/health"
    image_repository: str = ""
    registry: str = ""
    registry_auth: str = "docker"
    clusters: tuple[str, ...] = ()
    version: str = "1.36"
    environments: tuple[str, ...] = ("staging", "prod")
    rendered: bool = False
    monitoring: str = "addon"
    source_repository: str = ""
    source_url: str = ""
    manifest_repository: str = ""
    manifest_url: str = ""
    branch: str = "main"

    def complete(self) -> "Answers":
        """These answers with every default filled in."""
        defaults: dict[str, Any] = {
            "image_repository": f"{self.name}/{self.application}",
            "clusters": (f"{self.name}-cluster",),
            "source_repository": f"{self.name}-app",
            "manifest_repository": f"{self.name}-manifests",
        }
        return dataclasses.replace(self, **{key: value for key, value in defaults.items() if not getattr(self, key)})


_RULES: Mapping[str, tuple[Any, str]] = {
    "name": (Config, "name"),
    "region": (Config, "region"),
    "account": (Config, "account"),
    "application": (Application, "name"),
    "port": (Application, "port"),
    "health": (Application, "health"),
    "image_repository": (Image, "repository"),
    "registry": (Registry, "host"),
    "registry_auth": (Registry, "auth"),
    "clusters": (Cluster, "name"),
    "version": (Cluster, "version"),
    "environments": (Environment, "name"),
    "source_repository": (Repository, "repository"),
    "source_url": (Repository, "url"),
    "manifest_repository": (Repository, "repository"),
    "manifest_url": (Repository, "url"),
    "branch": (Repository, "branch"),
}
"""Answer -> the field of gitops.yaml whose rules it must keep. `rendered` and `monitoring` are choices."""

_FLAGS = {"clusters": "--cluster", "environments": "--environment", "version": "--cluster-version"}


def flag(answer: str) -> str:
    """The option of `gitops init` that gives `answer`."""
    return _FLAGS.get(answer, "--" + answer.replace("_", "-"))


def wrong_answer(answer: str, value: Any) -> UsageError | None:
    """What is wrong with `value` as the answer called `answer`, if anything."""
    if answer == "monitoring" and value not in MONITORING:
        return UsageError("--monitoring", f"cannot be '{value}'", nearest(value, MONITORING))
    if answer not in _RULES:
        return None
    kind, name = _RULES[answer]
    rules = next(field.metadata for field in fields(kind) if field.name == name)
    for each in value if isinstance(value, tuple) else (value,):
        problem, hint = broken_rule(each, rules) if each != "" else ("", "")
        if problem:
            return UsageError(flag(answer), problem, f"{rules['doc'].rstrip('.')}; {hint}")
    if answer == "port" and value > 65535:
        return UsageError("--port", f"cannot be {value}", "at most 65535")
    if answer == "port" and value < 1024:
        return UsageError("--port", f"cannot be {value}", "from 1024: the container does not run as root")
    return None


def config_text(answers: Answers) -> str:
    """The gitops.yaml of `answers`, checked. Raises `Problems` with every answer that cannot be."""
    wrong = [wrong_answer(field.name, getattr(answers, field.name)) for field in fields(answers)]
    if problems := [problem for problem in wrong if problem]:
        raise problems[0] if len(problems) == 1 else _Several(problems)
    answers = answers.complete()
    text = fill(
        "manifests/gitops.yaml",
        name=answers.name,
        region=answers.region,
        account=answers.account,
        source=_repository(answers.source_repository, answers.branch, answers.source_url),
        manifests=_repository(answers.manifest_repository, answers.branch, answers.manifest_url),
        registry=_registry(answers),
        application=answers.application,
        image_repository=answers.image_repository,
        clusters=_clusters(answers),
        workload=_workload(answers),
        environments=_environments(answers),
    )
    parse_config(text.encode())  # what a field alone cannot show, such as a name given twice
    return text


class _Several(Problems):
    exit_code = UsageError.exit_code


def _repository(name: str, branch: str, url: str) -> str:
    extra = f", url: {scalar(url)}" if url else ""
    return f"{{repository: {name}, branch: {scalar(branch)}{extra}}}"


def _registry(answers: Answers) -> str:
    return f"registry: {{host: {scalar(answers.registry)}, auth: {answers.registry_auth}}}" if answers.registry else ""


def _workload(answers: Answers) -> str:
    port = f", port: {answers.port}" if answers.port != 8080 else ""
    health = f", health: {scalar(answers.health)}" if answers.health != "/health" else ""
    scaling = ", autoscaling: {max: 10}" if "autoscaling" in _overlays(answers) else ""
    return f"- {{name: {answers.application}, image: {answers.application}-image{port}{health}{scaling}}}"


def _overlays(answers: Answers) -> tuple[str, ...]:
    """Platform overlays; none where there is no cluster."""
    if answers.rendered:
        return ()
    agent = ("monitoring",) if answers.monitoring == "manifests" else ()
    return ("security", "logging", *agent, "autoscaling")


def _clusters(answers: Answers) -> str:
    """The clusters and what is deployed to each as a whole; nothing where releases are rendered to branches."""
    if answers.rendered:
        return ""
    lines = "\n".join(f'  - {{name: {name}, version: "{answers.version}"}}' for name in answers.clusters)
    comment = "# cluster-wide overlays, in order, under the platform deploy role"
    overlays = ", ".join(_overlays(answers))
    return f"clusters:\n{lines}\nplatform:                            {comment}\n  overlays: [{overlays}]"


def _environments(answers: Answers) -> str:
    """A line an environment. The last is the one that customers see: it asks first, and has the short namespace."""
    *earlier, last = answers.environments
    width = max(map(len, answers.environments)) + 1
    cluster = dict(zip(answers.environments, answers.clusters, strict=False))
    lines = []
    for name in (*earlier, last):
        cluster_name = f"cluster: {cluster.get(name, answers.clusters[-1])}"
        where = f"target: {{branch: release/{name}}}" if answers.rendered else cluster_name
        namespace = answers.name if name == last else f"{answers.name}-{name}"
        approval = ", approval: true" if name == last and earlier else ""
        padded = f"{name},".ljust(width)
        lines.append(f"- {{name: {padded} {where}, namespace: {namespace}{approval}}}")
    return "\n".join(lines)
