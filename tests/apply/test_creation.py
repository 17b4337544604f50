"""Why the pods of a workload cannot be created, and whether that is certain."""

import pytest

from gitops.apply.creation import refused_pods

EXCEEDED = (
    'pods "web-1" is forbidden: exceeded quota: q, requested: limits.cpu=1,limits.memory=2Gi, used: {used}, '
    "limited: {limited}"
)
"""As the API server says it."""


@pytest.mark.parametrize(
    ("message", "lasting"),
    [
        ('pods "web-1" is forbidden: exceeded quota: small, requested: pods=1, used: pods=9, limited: pods=9', False),
        ('pods "web-1" is forbidden: exceeded quota: q, requested: pods=1, used: pods=0, limited: pods=0', True),
        (EXCEEDED.format(used="limits.cpu=0,limits.memory=0", limited="limits.cpu=1500m,limits.memory=1Gi"), True),
        (EXCEEDED.format(used="limits.cpu=1,limits.memory=0", limited="limits.cpu=1500m,limits.memory=3Gi"), False),
        ('pods "web-1" is forbidden: error looking up service account app/web: not found', False),
        ('pods "web-1" is forbidden: failed quota: small: must specify limits.cpu', True),
        ('pods "web-1" is forbidden: violates PodSecurity "restricted:latest": runAsNonRoot', True),
        ('pods "web-1" is forbidden: maximum cpu usage per Container is 1, but limit is 2', True),
        ('admission webhook "policy.example.invalid" denied the request: no latest', True),
        ("Internal error occurred: failed calling webhook: connection refused", False),
    ],
)
def test_what_admission_refuses_it_refuses_again(message: str, lasting: bool) -> None:
    assert refused_pods(message).lasting is lasting
