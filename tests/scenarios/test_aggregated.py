"""A ClusterRole whose rules a controller puts together from others."""

import pytest

from tests.scenarios.conftest import World
from tests.support.kube_objects import aggregated_role

CONTROLLER = "clusterrole-aggregation-controller"


@pytest.mark.cluster
@pytest.mark.kubectl
def test_the_rules_of_an_aggregated_cluster_role_are_left_to_its_controller(real_world: World) -> None:
    role = aggregated_role(f"{real_world.space}-all", rules=[])
    real_world.deploy([role])
    filled = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]
    forced = ("apply", "--server-side", "--force-conflicts", f"--field-manager={CONTROLLER}", "-f-")
    real_world.kubectl(*forced, body=aggregated_role(role.name, rules=filled))
    again = real_world.plan([role])
    assert (again.refusals, again.pending) == ((), ())
    real_world.deploy([role])
    live = real_world.get(role)
    assert live is not None
    assert live.body["rules"] == filled
