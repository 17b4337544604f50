"""kustomize/overlays/ENV: the base in a namespace, with the images released to it."""

from posixpath import relpath

from gitops.config import Application, Config, Environment
from gitops.config.model import UNRELEASED
from gitops.generate.autoscaling import load_tested
from gitops.generate.base import BASE
from gitops.generate.clusters import has_platform
from gitops.generate.security import load_test_namespace, namespace
from gitops.generate.texts import Files, fill, items, scalar

UNRELEASED_TAG = "unreleased"


def environment_files(config: Config) -> Files:
    """The overlay of every environment."""
    return {path: text for environment in config.environments for path, text in _overlay(config, environment).items()}


def _overlay(config: Config, environment: Environment) -> dict[str, bytes]:
    resources = [relpath(BASE, environment.path)]
    result = {}
    tested = load_tested(config)
    if tested and tested[0] == environment:
        # Before the base, so that what people have put behind it stays without a question.
        resources.insert(0, "load-test.yaml")
        result[f"{environment.path}/load-test.yaml"] = _load_test(config, tested[1]).encode()
    if not has_platform(config, environment, "security"):  # nothing else makes the namespace
        resources.insert(0, "namespace.yaml")
        result[f"{environment.path}/namespace.yaml"] = namespace(config, environment).encode()
    text = fill(
        "environment/kustomization.yaml",
        system=config.name,
        environment=environment.name,
        namespace=environment.namespace,
        resources=items(resources),
        images="".join(_images(config)),
    )
    return {f"{environment.path}/kustomization.yaml": text.encode(), **result}


def _load_test(config: Config, application: Application) -> str:
    return fill(
        "environment/load-test.yaml",
        application=application.name,
        namespace=load_test_namespace(config),
        port=application.port,
    )


def _images(config: Config) -> list[str]:
    used = {application.image for application in config.workloads}
    return [
        fill(
            "environment/image.yaml",
            name=scalar(image.name),
            repository=config.image_repository(image),
            tag=UNRELEASED_TAG,
            digest=UNRELEASED,
        )
        for image in config.images
        if image.name in used
    ]
