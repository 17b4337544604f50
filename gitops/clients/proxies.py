"""Which HTTP proxy stands before an address: HTTPS_PROXY, HTTP_PROXY and NO_PROXY, read as kubectl reads them."""

import os
from collections.abc import Mapping
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

PORTS = {"http": 80, "https": 443}


def proxy_for(url: str, env: Mapping[str, str] = os.environ) -> str:
    """The proxy's URL; empty where there is none, or `url` is one of NO_PROXY, or of this machine."""
    split = urlsplit(url)
    found = _of(env, f"{split.scheme}_proxy")
    host, port = split.hostname or "", split.port or PORTS.get(split.scheme, 0)
    if not found or _is_local(host) or any(_covers(each, host, port) for each in _of(env, "no_proxy").split(",")):
        return ""
    return found if "://" in found else f"http://{found}"


def _of(env: Mapping[str, str], name: str) -> str:
    return (env.get(name.upper()) or env.get(name) or "").strip()


def _address(host: str) -> IPv4Address | IPv6Address | None:
    with suppress(ValueError):
        return ip_address(host)
    return None


def _is_local(host: str) -> bool:
    address = _address(host)
    return host == "localhost" or bool(address and address.is_loopback)


def _covers(entry: str, host: str, port: int) -> bool:
    """Whether an entry of NO_PROXY is about a host: `*`, an address or a range, a domain with all below it, `.domain`
    for those below it alone; with a port, for that one."""
    entry = entry.strip().lower()
    if entry == "*":
        return True
    with suppress(ValueError):
        network = ip_network(entry.strip("[]"), strict=False)
        address = _address(host)
        return address is not None and address in network
    name, colon, wanted = entry.rpartition(":")
    if colon and wanted.isdigit():
        entry = name.strip("[]")
        if int(wanted) != port:
            return False
    domain = entry.removeprefix("*")
    return bool(domain) and (host == domain or host.endswith(domain if domain.startswith(".") else f".{domain}"))
