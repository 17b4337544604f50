"""The content of the two repositories that `gitops init` writes."""

from gitops.config import Config
from gitops.generate.texts import Files, fill, items
from gitops.generate.tree import generated_files


def base_image() -> str:
    """What the sample application's Dockerfile builds on."""
    line = next(line for line in fill("source/Dockerfile", port=0).splitlines() if line.startswith("ARG "))
    return line.partition("=")[2]


def source_repository(config: Config) -> Files:
    """An application that builds as it stands, one for each image of `config`, with its tests."""
    ports = {application.image: application.port for application in config.workloads}
    first = config.images[0]
    result = {
        ".gitignore": fill("source/gitignore"),
        "README.md": fill(
            "source/README.md",
            repository=config.source.repository,
            application=first.context,
            port=ports.get(first.name, 8080),
            image=config.image_repository(first),
            manifests=config.manifests.repository,
        ),
    }
    tests = items([f"python3 -m unittest discover -v -s {image.context}" for image in config.images])
    result["buildspec.yaml"] = fill("source/buildspec.yaml", manifests=config.manifests.repository, tests=tests)
    for image in config.images:
        application = image.context
        port = ports.get(image.name, 8080)
        result |= {
            f"{image.context}/.dockerignore": fill("source/dockerignore"),
            f"{image.context}/Dockerfile": fill("source/Dockerfile", port=port),
            f"{image.context}/app.py": fill("source/app.py.text", application=application, port=port),
            f"{image.context}/test_app.py": fill("source/test_app.py.text", application=application),
        }
    return {path: text.encode() for path, text in result.items()}


def manifest_repository(config: Config, text: str) -> Files:
    """gitops.yaml (`text`), the kustomize tree, the buildspecs, and what a repository needs besides."""
    readme = fill(
        "manifests/README.md",
        repository=config.manifests.repository,
        name=config.name,
        overlays=",".join(config.platform.overlays),
        environment=config.environments[0].name,
    )
    own = {"gitops.yaml": text, ".gitignore": fill("manifests/gitignore"), "README.md": readme}
    return {path: content.encode() for path, content in own.items()} | dict(generated_files(config))
