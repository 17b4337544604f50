"""How to reach a cluster, and who to be there: what every way to connect comes to."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from gitops.hidden import remember


@dataclass(frozen=True)
class Endpoint:
    """Where the API server is, and how to know that it is the one."""

    name: str
    server: str
    ca: str = ""
    """PEM; empty for the system's authorities."""
    insecure: bool = False
    server_name: str = ""
    """Name in the server's certificate, where it is not the host's."""
    proxy: str = ""
    """Empty for the one of the environment, if any."""


@dataclass(frozen=True)
class Credential:
    """Who we are. `expires` is None for a credential that does not say."""

    token: str = ""
    basic: str = ""
    """user:password"""
    certificate: str = ""
    key: str = ""
    expires: datetime | None = None

    def __post_init__(self) -> None:
        remember((self.token, self.basic, self.basic.partition(":")[2], self.key))

    def __repr__(self) -> str:
        return f"Credential(expires={self.expires})"


Login = Callable[[], Credential]
"""Gives a fresh credential; called first, when the old one expires, and once after a 401."""


@dataclass(frozen=True)
class Connection:
    """All that a client needs."""

    endpoint: Endpoint
    login: Login
    headers: tuple[tuple[str, str], ...] = ()
    """Sent with every request: whom to act as."""
