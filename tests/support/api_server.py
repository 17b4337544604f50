"""A real API server on loopback: etcd, kube-apiserver and, when asked, kube-controller-manager and kube-scheduler.

The programs are where envtest keeps them: in $KUBEBUILDER_ASSETS, by default /usr/local/kubebuilder/bin.
"""

import subprocess
import time
import urllib.request
from pathlib import Path
from ssl import CERT_NONE, create_default_context
from types import TracebackType

import yaml

from gitops.clients.connection import Connection, Credential, Endpoint
from gitops.clients.folder import write_files
from gitops.demo.registry import free_port
from tests.support.available import cluster_programs

ADMIN_TOKEN = "admin-of-the-test-cluster"
CONTROLLER_TOKEN = "controllers-of-the-test-cluster"
SCHEDULER_TOKEN = "scheduler-of-the-test-cluster"
CONTROLLERS = (
    "deployment-controller",
    "replicaset-controller",
    "statefulset-controller",
    "daemonset-controller",
    "job-controller",
    "namespace-controller",
    "garbage-collector-controller",
    "serviceaccount-controller",
)
MORE_CONTROLLERS = (
    "resourcequota-controller",
    "persistentvolume-binder-controller",
    "horizontal-pod-autoscaler-controller",
)
START_TIMEOUT = 60.0


class ApiServer:
    """Started by `with`, in `directory`; stopped, and its processes reaped, at the end of it.

    `more` are controllers beside those that see to workloads. `tokens` are further users, token -> "user,uid" or
    'user,uid,"group"', without rights until RBAC gives them some.
    """

    def __init__(
        self,
        directory: Path,
        controllers: bool = False,
        tokens: dict[str, str] | None = None,
        scheduler: bool = False,
        more: tuple[str, ...] = (),
    ) -> None:
        self.directory = directory
        self._controllers = controllers
        self._scheduler = scheduler
        self._more = more
        self._tokens = tokens or {}
        self._processes: list[subprocess.Popen[bytes]] = []
        self.url = ""

    def __enter__(self) -> "ApiServer":
        try:
            self._start_etcd()
            self._start_api_server()
            if self._controllers:
                self._start_controllers()
            if self._scheduler:
                self._start_scheduler()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def connection(self, token: str = ADMIN_TOKEN, url: str = "") -> Connection:
        """A connection as the user of `token`; through `url` where something stands before the server."""
        return Connection(Endpoint("test", url or self.url, insecure=True), lambda: Credential(token=token))

    def kubeconfig(self, token: str = ADMIN_TOKEN, url: str = "") -> Path:
        """A kubeconfig file for the user of `token`."""
        name = f"kubeconfig-{abs(hash((token, url)))}"
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "test",
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
            "clusters": [{"name": "test", "cluster": {"server": url or self.url, "insecure-skip-tls-verify": True}}],
            "users": [{"name": "test", "user": {"token": token}}],
        }
        if (url or self.url).startswith("http:"):
            del document["clusters"][0]["cluster"]["insecure-skip-tls-verify"]  # type: ignore[index]
        # Whole at every moment: another thread's kubectl may be reading it.
        write_files(self.directory, {name: yaml.safe_dump(document).encode()})
        return self.directory / name

    def certificate(self, subject: str) -> tuple[Path, Path]:
        """Certificate and key of a client called `subject`, such as "/O=system:masters/CN=jane"."""
        key, request, certificate = (self.directory / f"client.{ending}" for ending in ("key", "csr", "crt"))
        _openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", str(key))
        _openssl("req", "-new", "-key", str(key), "-subj", subject, "-out", str(request))
        authority = ["-CA", str(self.directory / "clients.crt"), "-CAkey", str(self.directory / "clients.key")]
        _openssl(
            "x509", "-req", "-in", str(request), *authority, "-CAcreateserial", "-days", "1", "-out", str(certificate)
        )
        return certificate, key

    def _authority(self) -> Path:
        """What clients' certificates are signed by."""
        key, certificate = self.directory / "clients.key", self.directory / "clients.crt"
        _openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", str(key))
        _openssl(
            "req", "-x509", "-new", "-key", str(key), "-subj", "/CN=clients", "-days", "1", "-out", str(certificate)
        )
        return certificate

    def stop(self) -> None:
        for process in reversed(self._processes):
            process.kill()
        for process in reversed(self._processes):
            process.wait()
        self._processes.clear()

    def _run(self, program: str, *flags: str) -> subprocess.Popen[bytes]:
        with (self.directory / f"{program}.log").open("wb") as log:
            process = subprocess.Popen(
                [str(cluster_programs() / program), *flags], stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )
        self._processes.append(process)
        return process

    def _start_etcd(self) -> None:
        client, peer = free_port(), free_port()
        self._etcd = f"http://127.0.0.1:{client}"
        self._run(
            "etcd",
            f"--data-dir={self.directory / 'etcd'}",
            "--unsafe-no-fsync",
            f"--listen-client-urls={self._etcd}",
            f"--advertise-client-urls={self._etcd}",
            f"--listen-peer-urls=http://127.0.0.1:{peer}",
            "--log-level=warn",
        )

    def _start_api_server(self) -> None:
        key, public = self.directory / "sa.key", self.directory / "sa.pub"
        for arguments in (
            ["genrsa", "-out", str(key), "2048"],
            ["rsa", "-in", str(key), "-pubout", "-out", str(public)],
        ):
            subprocess.run(["openssl", *arguments], check=True, capture_output=True)
        users = {
            ADMIN_TOKEN: 'admin,admin,"system:masters"',
            CONTROLLER_TOKEN: "system:kube-controller-manager,controllers",
            SCHEDULER_TOKEN: "system:kube-scheduler,scheduler",
            **self._tokens,
        }
        tokens = self.directory / "tokens.csv"
        tokens.write_text("".join(f"{token},{user}\n" for token, user in users.items()))
        port = free_port()
        self.url = f"https://127.0.0.1:{port}"
        process = self._run(
            "kube-apiserver",
            f"--etcd-servers={self._etcd}",
            "--service-cluster-ip-range=10.0.0.0/16",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={public}",
            f"--service-account-signing-key-file={key}",
            "--authorization-mode=RBAC",
            "--bind-address=127.0.0.1",
            f"--secure-port={port}",
            f"--cert-dir={self.directory / 'certificates'}",
            f"--client-ca-file={self._authority()}",
            f"--token-auth-file={tokens}",
            "--disable-admission-plugins=ServiceAccount",
        )
        self._wait_until_ready(process)

    def _wait_until_ready(self, process: subprocess.Popen[bytes]) -> None:
        context = create_default_context()
        context.check_hostname, context.verify_mode = False, CERT_NONE
        request = urllib.request.Request(f"{self.url}/readyz", headers={"Authorization": f"Bearer {ADMIN_TOKEN}"})
        deadline = time.monotonic() + START_TIMEOUT
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise RuntimeError(
                    f"kube-apiserver ended: {(self.directory / 'kube-apiserver.log').read_text()[-2000:]}"
                )
            try:
                with urllib.request.urlopen(request, context=context, timeout=2) as response:
                    if response.status == 200:
                        return
            except OSError:
                time.sleep(0.1)
        raise RuntimeError("kube-apiserver is not ready")

    def _start_controllers(self) -> None:
        self._run_component(
            "kube-controller-manager",
            CONTROLLER_TOKEN,
            "--use-service-account-credentials=true",
            f"--service-account-private-key-file={self.directory / 'sa.key'}",
            # By default it asks 20 times a second, which would be what is measured and waited for.
            "--kube-api-qps=500",
            "--kube-api-burst=1000",
            f"--controllers={','.join((*CONTROLLERS, *self._more))}",
            "--horizontal-pod-autoscaler-sync-period=1s",
            "--pvclaimbinder-sync-period=1s",
        )

    def _start_scheduler(self) -> None:
        self._run_component("kube-scheduler", SCHEDULER_TOKEN)

    def _run_component(self, program: str, token: str, *arguments: str) -> None:
        """Run one that is a client of the API server, and serves on a port of its own."""
        kubeconfig = self.kubeconfig(token)
        self._run(
            program,
            f"--kubeconfig={kubeconfig}",
            f"--authentication-kubeconfig={kubeconfig}",
            f"--authorization-kubeconfig={kubeconfig}",
            "--authentication-skip-lookup=true",
            "--bind-address=127.0.0.1",
            f"--secure-port={free_port()}",
            f"--cert-dir={self.directory / f'{program}-certificates'}",
            "--leader-elect=false",
            *arguments,
        )


def _openssl(*arguments: str) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)
