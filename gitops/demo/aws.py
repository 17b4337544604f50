"""An AWS in this process: moto's server on a free port of 127.0.0.1."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import urllib3

from gitops.errors import GitopsError

ACCOUNT = "123456789012"
"""The account that moto answers for."""

REGISTRY_PASSWORD = f"{ACCOUNT}-auth-token"
"""The password in the ECR token that moto gives out, for the user AWS."""


@contextmanager
def aws_server() -> Iterator[str]:
    """Serve AWS's APIs as long as the context lasts; gives the endpoint's URL. Raises `GitopsError` without moto."""
    try:
        from moto.server import ThreadedMotoServer
    except ImportError as error:
        raise GitopsError("moto", "is not installed", "pip install 'gitops[demo]', or run make demo") from error
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        # moto keeps its state in the process: what an earlier server here left is not ours.
        urllib3.request("POST", f"http://{host}:{port}/moto-api/reset", timeout=10.0)
        yield f"http://{host}:{port}"
    finally:
        server.stop()


def credentials(endpoint: str, region: str) -> dict[str, str]:
    """The environment variables that lead every AWS SDK to `endpoint`, and nowhere else."""
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "demo",
        "AWS_SECRET_ACCESS_KEY": "demo",
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
    }
