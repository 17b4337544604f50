"""Proxies of the environment: which addresses go through them, as Go's net/http has it."""

import pytest

from gitops.clients.proxies import proxy_for

ENV = {
    "HTTPS_PROXY": "proxy.invalid:3128",
    "NO_PROXY": "10.0.0.0/8, .below.invalid,alone.invalid,[fd00::1]:6443,port.invalid:8443,fd01::/16,192.0.2.4,"
    "*.star.invalid",
}


@pytest.mark.parametrize(
    "url",
    [
        "https://10.1.2.3:6443", "https://a.below.invalid", "https://alone.invalid", "https://x.alone.invalid",
        "https://[fd00::1]:6443", "https://port.invalid:8443", "https://[fd01::5]", "https://192.0.2.4",
        "https://a.star.invalid", "https://A.Below.Invalid", "https://localhost:6443", "https://127.0.0.1:6443",
        "https://[::1]:6443", "http://plain.invalid",
    ],
)  # fmt: skip
def test_these_are_asked_directly(url: str) -> None:
    assert proxy_for(url, ENV) == ""


@pytest.mark.parametrize(
    "url",
    [
        "https://11.1.2.3", "https://below.invalid", "https://notalone.invalid", "https://[fd00::1]",
        "https://port.invalid", "https://star.invalid", "https://192.0.2.5",
    ],
)  # fmt: skip
def test_these_go_through_the_proxy(url: str) -> None:
    assert proxy_for(url, ENV) == "http://proxy.invalid:3128"


def test_it_may_be_written_small_and_may_except_all() -> None:
    assert proxy_for("https://a.invalid", {"https_proxy": "https://proxy.invalid"}) == "https://proxy.invalid"
    assert proxy_for("https://a.invalid", {"https_proxy": "proxy.invalid", "no_proxy": "*"}) == ""
    assert proxy_for("https://a.invalid", {}) == ""
