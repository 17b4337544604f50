"""Connections to an API server: TLS as its endpoint says, through a proxy where there is one; and their failures."""

import os
import ssl
import tempfile
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from gitops.clients.connection import Credential, Endpoint
from gitops.clients.proxies import proxy_for
from gitops.errors import GitopsError
from gitops.hidden import remember

if TYPE_CHECKING:
    import urllib3

AT_ONCE = 64
"""Connections that are kept open, at most."""
EXPIRED, NOT_YET, HOSTNAME, ADDRESS = 10, 9, 62, 64
"""OpenSSL's codes for why a certificate is not taken (X509_V_ERR_…)."""
_CLOCK = "check this machine's clock, or have the certificate renewed"
_NAME = "use the name that the certificate has, or set tls-server-name"
_ADVICE = {EXPIRED: _CLOCK, NOT_YET: _CLOCK, HOSTNAME: _NAME, ADDRESS: _NAME}


def pool_of(endpoint: Endpoint, credential: Credential) -> "urllib3.PoolManager":
    """What makes and keeps the connections. Raises `GitopsError` where the CA, the certificate or the proxy is none."""
    import urllib3

    options: dict[str, Any] = {"maxsize": AT_ONCE, "num_pools": 4}
    if endpoint.server.startswith("https"):
        options["ssl_context"] = _tls(endpoint, credential)
        if endpoint.insecure:
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
            options["assert_hostname"] = False
        if endpoint.server_name:
            options["server_hostname"] = endpoint.server_name
    if proxy := endpoint.proxy or proxy_for(endpoint.server):
        return _through(proxy, options)
    return urllib3.PoolManager(**options)


def _through(proxy: str, options: dict[str, Any]) -> "urllib3.ProxyManager":
    import urllib3

    split = urlsplit(proxy)
    if split.scheme not in ("http", "https") or not split.hostname:
        raise GitopsError(shown(proxy), "is no proxy that can be used", "http:// and https:// are known")
    if split.username is not None:
        user, password = unquote(split.username), unquote(split.password or "")
        remember((password,))
        options["proxy_headers"] = urllib3.make_headers(proxy_basic_auth=f"{user}:{password}")
    return urllib3.ProxyManager(proxy, **options)


def shown(proxy: str) -> str:
    """A proxy's address without who we are there."""
    scheme, colon, rest = proxy.rpartition("://")
    return scheme + colon + rest.rpartition("@")[2]


def _tls(endpoint: Endpoint, credential: Credential) -> ssl.SSLContext:
    try:
        # What stands around the certificates, such as a name in its own letters, is no part of them.
        context = ssl.create_default_context(cadata=endpoint.ca.encode("ascii", "ignore").decode() or None)
        if endpoint.insecure:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if credential.certificate:
            _load_certificate(context, credential)
    except (ssl.SSLError, ValueError) as error:
        problem = "its CA, certificate or key is not usable PEM"
        raise GitopsError(endpoint.name, problem, "check KUBECONFIG; a key must have no passphrase") from error
    return context


def _load_certificate(context: ssl.SSLContext, credential: Credential) -> None:
    """OpenSSL takes a certificate and key from a file only; it is ours alone, and gone at once."""
    descriptor, name = tempfile.mkstemp(prefix="gitops-")
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(f"{credential.certificate}\n{credential.key}\n")
        # Without an answer of ours, OpenSSL would ask for a passphrase at the terminal.
        context.load_cert_chain(name, password=lambda: "")
    finally:
        os.unlink(name)


def lasting(error: Exception, server: str) -> GitopsError | None:
    """The error for a failure of TLS that the next attempt meets as well; None for another failure."""
    import urllib3

    cause: BaseException | None = error.args[0] if error.args and isinstance(error.args[0], BaseException) else None
    if isinstance(cause, ssl.SSLCertVerificationError):
        advice = _ADVICE.get(cause.verify_code, "check the CA (certificate-authority): was the cluster made anew?")
        return GitopsError(server, f"TLS failed: {cause.verify_message.rstrip('.')}", advice)
    if isinstance(error, urllib3.exceptions.SSLError) and "WRONG_VERSION" in str(cause):
        return GitopsError(server, "TLS failed: it does not speak TLS", "is it http://, or a proxy that answers?")
    return None
