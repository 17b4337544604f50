"""What a plan looks like, whole: grouped by application, with a unified diff on demand, without secrets."""

from dataclasses import replace
from typing import Any

from gitops.cli.plan_view import document, last_line, markdown, text
from gitops.objects import KubeObject
from gitops.pipeline import Intent, deploy, prepare
from gitops.plan.model import Plan, Release
from gitops.plan.planner import Policy
from gitops.target.cluster import ClusterTarget
from tests.support.fake_cluster import FakeCluster
from tests.support.kube_objects import config_map, deployment, secret, service

RELEASE = Release("prod", "fake", "3f9c2ab" + "0" * 33, "bump web 2", "shop/prod", "app")
CANARY = "canary-in-a-diff"


def labelled(each: KubeObject, **labels: str) -> KubeObject:
    return each.with_metadata(labels={key.replace("__", "/").replace("_", "."): value for key, value in labels.items()})


def planned(before: list[KubeObject], after: list[KubeObject], **policy: Any) -> Plan:
    """The plan from one to the other."""
    cluster = FakeCluster()
    list(deploy(RELEASE, before, ClusterTarget(cluster)))
    return prepare(RELEASE, after, ClusterTarget(cluster), Intent(Policy(**policy)))


def two_applications(tag: str, level: str) -> list[KubeObject]:
    uses = [{"name": "s", "configMap": {"name": f"web-{level}"}}]
    return [
        labelled(deployment(image=f"registry.invalid/web:{tag}", volumes=uses), app_kubernetes_io__name="web"),
        labelled(config_map(f"web-{level}", level=level), app_kubernetes_io__part_of="shop"),
        labelled(service("jobs"), app="jobs"),
        config_map("everybodys", a=tag),
    ]


def test_changes_are_grouped_by_application() -> None:
    plan = planned(
        two_applications("1", "info"), [*two_applications("2", "warn"), labelled(service("new"), app="jobs")]
    )
    assert text(plan).splitlines() == [
        "prod on fake · 3f9c2ab (bump web 2) · 6 objects",
        "  jobs",
        "    create  Service/app/new",
        "  web",
        "    update  Deployment/app/web        image 1 -> 2 · restarts 2 pods",
        "    create  ConfigMap/app/web-warn",
        "    delete  ConfigMap/app/web-info",
        "  of no application",
        "    update  ConfigMap/app/everybodys  data.a",
        "  2 unchanged",
    ]


def test_no_value_ends_the_block_that_it_is_shown_in() -> None:
    plan = planned([config_map(a="1")], [config_map(a="```\n</details> `````")])
    assert "\n``````diff\n  data.a\n- 1\n+ ```\n+ </details> `````\n``````\n" in markdown(plan)


def test_a_long_title_is_cut_for_a_terminal_and_whole_for_a_pull_request() -> None:
    title = "Tests run beside each other; a block of text keeps the spaces that end its lines"
    plan = planned([config_map(a="1")], [config_map(a="1")])
    plan = replace(plan, release=replace(plan.release, title=title))
    assert text(plan).splitlines()[0] == f"prod on fake · 3f9c2ab ({title[:42]}…) · 2 objects"
    assert len(text(plan).splitlines()[0]) == 80
    assert f"3f9c2ab ({title}) · 2 objects" in markdown(plan)


def test_changes_of_one_application_have_no_heading() -> None:
    given = [labelled(service("jobs"), app="jobs"), labelled(service("other"), app="other")]
    plan = planned(given[:1], given)
    assert text(plan).splitlines()[1] == "  create  Service/app/other"


def test_programs_and_pull_requests_see_the_application_too() -> None:
    plan = planned(two_applications("1", "info"), two_applications("2", "info"))
    known = {change["object"]: change["application"] for change in document(plan)["changes"]}
    assert known["ConfigMap/app/web-info"] == "web"
    assert known["ConfigMap/app/everybodys"] == ""
    assert "**web**\n\n| action | object | |\n|---|---|---|\n| update | `Deployment/app/web`" in markdown(plan)


def test_a_unified_diff_on_demand() -> None:
    before = [config_map(a="1", b="2", c="3", d="4", e="5", f="6", g="7")]
    plan = planned(before, [config_map(a="1", b="2", c="3", d="4", e="5", f="6", g="8"), config_map("new", a="1")])
    lines = text(plan, diff=True).splitlines()
    assert lines[lines.index("--- live ConfigMap/app/settings") :][:10] == [
        "--- live ConfigMap/app/settings",
        "+++ planned ConfigMap/app/settings",
        "@@ -12,4 +12,4 @@",
        "   d: '4'",
        "   e: '5'",
        "   f: '6'",
        "-  g: '7'",
        "+  g: '8'",
        "  create  ConfigMap/app/new",
        "--- /dev/null",
    ]
    assert "+  name: new" in lines


def test_no_diff_shows_a_secret() -> None:
    env = [{"name": "DB_PASSWORD", "value": f"{CANARY}-env"}]
    container = {"name": "web", "image": "web:1", "env": env}
    before = [secret(password=CANARY, same=f"{CANARY}-2"), deployment(containers=[container])]
    url = [{"name": "URL", "value": f"db://{CANARY}-new@x"}]
    after = [
        secret(password=f"{CANARY}-new", same=f"{CANARY}-2"),
        deployment(containers=[{**container, "env": [*env, *url]}]),
        secret("another", password=f"{CANARY}-3"),
    ]
    said = text(planned(before, after), diff=True)
    assert CANARY not in said
    assert "Y2FuYXJ5" not in said
    changed = [line.split(" (")[0] for line in said.splitlines() if line.startswith(("-  ", "+  "))]
    assert {"-  password: '***", "+  password: '***"} <= set(changed)


def test_a_replacement_is_compared_by_what_the_overlay_says() -> None:
    first = deployment()
    labels = {"matchLabels": {"app": "web", "tier": "x"}}
    plan = planned([first], [KubeObject({**first.body, "spec": {**first.body["spec"], "selector": labels}})])
    lines = text(plan, diff=True).splitlines()
    assert [line for line in lines if line.startswith(("+ ", "- "))] == ["+      tier: x"]
    assert lines[1] == (
        "  replace  Deployment/app/web  spec.selector cannot be changed: spec.selector.matchLabels.tier"
    )
    assert [field.after for change in plan.pending for field in change.fields] == ["x"]
    assert last_line([plan], "gitops deploy prod") == "1 replace · 1 refused"
