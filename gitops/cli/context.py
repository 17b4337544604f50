"""What a command works with: the config and the clients, each made on first use. The only place that makes them."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import gitops.config.model as config_model
    from gitops.clients.artifacts import ArtifactBucket
    from gitops.clients.cluster import Cluster
    from gitops.clients.cluster_settings import ClusterSettings
    from gitops.clients.codecommit import PullRequests
    from gitops.clients.docker import Docker
    from gitops.clients.github import GitHubPullRequests
    from gitops.clients.kubernetes import KubernetesCluster
    from gitops.clients.registry import RegistryClient
    from gitops.config import Config, Image
    from gitops.config.overlays import Overlay
    from gitops.manifest.place import Place
    from gitops.objects import KubeObject
    from gitops.plan.planner import Policy
    from gitops.render import Rendered
    from gitops.render.cache import Cache
    from gitops.render.remotes import Remotes
    from gitops.stacks.up import Ends
    from gitops.target import Target
    from gitops.template.stacks import Stack


class Context:
    """Made once a run from the global options, and handed to the command."""

    def __init__(self, config_file: Path | None) -> None:
        self._config_file = config_file
        self._clusters: dict[tuple[str, str], KubernetesCluster] = {}

    @cached_property
    def config_path(self) -> Path:
        """The gitops.yaml in use. Raises `GitopsError` where there is none."""
        if self._config_file:
            return self._config_file
        from gitops.cli.neighbours import config_beside
        from gitops.config import find_config

        return config_beside(Path.cwd()) or find_config(Path.cwd())

    @cached_property
    def config(self) -> "Config":
        """The checked config."""
        from gitops.config import load_config

        # A file that was found is named as it is seen from here.
        return load_config(self.config_path, str(self._config_file or os.path.relpath(self.config_path)))

    @property
    def root(self) -> Path:
        """The folder that gitops.yaml is in: the root of the manifest tree."""
        return self.config_path.resolve().parent

    @contextmanager
    def manifests(
        self, url: str | None, branch: str | None = None, environments: Sequence[str] = (), *, whole: bool = False
    ) -> "Iterator[Place]":
        """Where the manifest repository is written: at `url`, without a clone, or in the clone that one stands in.

        At a URL the config is the one at the branch's tip, from here on.
        `environments` are those that will be asked for, so that what they need comes in one request; all files come
        with `whole`.
        """
        from gitops.manifest.place import clone_place, remote_place

        if url:
            with remote_place(url, branch or "main", environments, whole=whole) as place:
                self.config = place.config
                yield place
        else:
            yield clone_place(self.config, self.root)

    def pull_requests(self, place: "Place") -> "PullRequests | GitHubPullRequests":
        """The pull requests of the manifest repository: GitHub's where it is there, or behind a connection."""
        from gitops.clients.codecommit import PullRequests
        from gitops.clients.github import GitHubPullRequests, github_repository, is_github

        manifests = self.config.manifests
        address = place.branch.objects.git.address("origin")
        if manifests.connection or is_github(address):
            return GitHubPullRequests(github_repository(address))
        return PullRequests(self.config.region)

    @cached_property
    def render_cache(self) -> "Cache | None":
        """Where renderings are kept between runs; None with `--no-cache`."""
        from gitops.render.cache import Cache, default_folder

        return Cache(default_folder())

    def rendered(self, path: str) -> "Rendered":
        """The overlay in the folder `path`, from the cache where none of its files changed."""
        from gitops.render import render

        return render(self.root, path, self.render_cache, self.remotes)

    @cached_property
    def remotes(self) -> "Remotes":
        """The other repositories that overlays may build on."""
        from gitops.render.cache import trees_folder
        from gitops.render.remotes import Remotes

        def fetch(repository: str, commit: str) -> str:
            from gitops.clients.remote_tree import fetched

            return fetched(repository, commit, trees_folder())

        return Remotes(self.config.remotes, fetch)

    @cached_property
    def docker(self) -> "Docker":
        """The Docker daemon."""
        from gitops.clients.docker import Docker

        return Docker()

    @cached_property
    def registry(self) -> "RegistryClient":
        """The registry that images are pushed to."""
        from gitops.clients.registry import RegistryClient

        return RegistryClient(self.config.registry_host, self.registry_credentials)

    def registry_credentials(self) -> tuple[str, str] | None:
        """User and password for the registry, from where gitops.yaml says; asked for once."""
        return self._credentials

    @cached_property
    def _credentials(self) -> tuple[str, str] | None:
        from gitops.hidden import remember

        found = self._login()
        remember((found or ())[1:])
        return found

    def _login(self) -> tuple[str, str] | None:
        auth = self._registry_auth
        if auth == "ecr":
            from gitops.clients.aws import Ecr

            return Ecr(self.config.region, self.config.registry_host).login()
        return self.docker.credentials(self.config.registry_host) if auth == "docker" else None

    @property
    def _registry_auth(self) -> str:
        return self.config.registry.auth if self.config.registry else "ecr"

    def findings(self, repository: str, digest: str) -> "Mapping[str, int] | None":
        """What the scan of an image found, by severity; None where there was none. Only ECR is asked."""
        from gitops.clients.aws import Ecr

        return Ecr(self.config.region).findings(repository, digest) if self._registry_auth == "ecr" else None

    def immutable_tags(self, image: "Image") -> "Callable[[str], bool]":
        """Tells whether a tag of `image`'s repository can never be moved. Only ECR has such repositories."""
        if self._registry_auth != "ecr":
            return lambda _: False
        from gitops.clients.aws import Ecr

        return Ecr(self.config.region, self.config.registry_host).mutability(image.repository).immutable

    def target(
        self,
        overlay: "Overlay",
        kube_context: str = "",
        policy: "Policy | None" = None,
        timeout: float = 300.0,
        coming: "Sequence[KubeObject]" = (),
    ) -> "Target":
        """Where `overlay` lands: its cluster (or the kubeconfig's `kube_context`), its folder, or its branch. `coming`
        are objects that overlays planned before it are going to make there."""
        from gitops.plan.planner import DEFAULT_POLICY
        from gitops.target.cluster import ClusterTarget, Options

        if overlay.cluster or kube_context:
            options = Options(self.run, timeout, policy=policy or DEFAULT_POLICY, coming=tuple(coming))
            return ClusterTarget(self.cluster(overlay.cluster, kube_context), options)
        return self._rendered_target(overlay)

    def _rendered_target(self, overlay: "Overlay") -> "Target":
        from gitops.clients.git import GitRepository
        from gitops.target.rendered import Branch, Folder, RenderedTarget

        assert overlay.target is not None, "the reader of gitops.yaml asks for a cluster or a target"
        if overlay.target.folder:
            return RenderedTarget(Folder(self.root / overlay.target.folder))
        assert overlay.target.branch is not None
        return RenderedTarget(Branch(GitRepository.discover(self.root), overlay.target.branch))

    def cluster(self, name: str, kube_context: str = "") -> "Cluster":
        """The cluster called `name` in gitops.yaml: by the kubeconfig where a context is given, else by EKS. Logged in
        once a run, however many releases go there."""
        known = self._clusters.get((name, kube_context))
        if known is None:
            known = self._clusters[name, kube_context] = self._connected(name, kube_context)
        return known.again()

    def _connected(self, name: str, kube_context: str) -> "KubernetesCluster":
        from gitops.clients.discovery import default_folder
        from gitops.clients.eks import eks_connection
        from gitops.clients.kubeconfig import from_kubeconfig, in_cluster
        from gitops.clients.kubernetes import KubernetesCluster

        if kube_context == "in-cluster":
            return KubernetesCluster(in_cluster(), cache=default_folder())
        configured = self.config.cluster(name) if name else None
        context = kube_context or (configured.context if configured else None)
        if context:
            return KubernetesCluster(from_kubeconfig(context), cache=default_folder())
        connection = eks_connection(name, (configured and configured.region) or self.config.region)
        return KubernetesCluster(connection, cache=default_folder())

    @cached_property
    def aws_account(self) -> str:
        """The account that the credentials belong to."""
        from gitops.clients.identity import account

        return account(self.config.region)

    @cached_property
    def artifact_bucket(self) -> "ArtifactBucket":
        """The bucket of artifacts, of the toolkit's wheel and of long templates."""
        from gitops.clients.artifacts import ArtifactBucket
        from gitops.template.names import bucket

        return ArtifactBucket(bucket(self.config), self.config.region, self.config.account)

    @cached_property
    def stack_ends(self) -> "Ends":
        """What stacks are made with."""
        import secrets
        from functools import cache

        from gitops.clients.cloudformation import CloudFormation
        from gitops.stacks.up import Ends

        return Ends(cache(CloudFormation), self.artifact_bucket, f"gitops-{secrets.token_hex(6)}")

    def stack_parameters(self, stack: "Stack", wheel: Path | None, upload: bool = False) -> Mapping[str, str]:
        """The parameters of `stack`; with `upload` the wheel that they name is put where they say."""
        from gitops.stacks import toolkit

        if "Parameters" not in stack.document:
            return {}
        found = toolkit.find_wheel(wheel, self.root)
        state = self.stack_ends.cloudformation(stack.region).state(stack.name)
        values = toolkit.parameters(self.config, found, self.artifact_bucket, state)
        if upload and found and self.config.pipeline.toolkit == "bucket":
            toolkit.upload(found, self.artifact_bucket)
        return values

    def images_at(self, revision: str, environment: str) -> Mapping[str, str]:
        """Image -> tag of `environment` at a commit of the clone; empty where the clone has no such commit."""
        from gitops.clients.git import GitFailed, GitRepository
        from gitops.manifest.images import read_images

        path = f"{self.config.environment(environment).path}/kustomization.yaml"
        try:
            text = GitRepository.discover(self.root).run("show", f"{revision}:{path}")
        except GitFailed:
            return {}
        return {entry.name: entry.new_tag for entry in read_images(text, path)}

    @cached_property
    def run(self) -> str:
        """What names this run: the build's id in CodeBuild, else one made up."""
        import secrets

        return os.environ.get("CODEBUILD_BUILD_ID") or f"local-{secrets.token_hex(4)}"

    def cluster_settings(self, cluster: "config_model.Cluster") -> "ClusterSettings":
        """EKS's own settings of `cluster`, and of its region."""
        from gitops.clients.cluster_settings import ClusterSettings, Services

        return ClusterSettings(cluster.name, Services.of(cluster.region or self.config.region))
