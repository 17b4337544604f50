"""The last net: what was learned of a secret is hidden wherever it turns up."""

import base64
import json
import time
from collections.abc import Iterator

import pytest

from gitops import hidden
from gitops.cli.output import echo_json
from gitops.objects import KubeObject
from gitops.plan.mask import remember_secrets, secret_values, shown
from tests.support.kube_objects import config_map, deployment, secret

CANARY = 'canary "8c1f" <&>'


@pytest.fixture(autouse=True)
def nothing_known() -> Iterator[None]:
    hidden.forget()
    yield
    hidden.forget()


@pytest.mark.parametrize(
    "text",
    [
        CANARY,
        json.dumps({"a": CANARY}),
        "canary &quot;8c1f&quot; &lt;&amp;&gt;",
        "canary%20%228c1f%22%20%3C%26%3E",
        base64.b64encode(CANARY.encode()).decode(),
    ],
)
def test_a_value_is_hidden_however_it_is_written(text: str) -> None:
    hidden.remember([CANARY])
    assert "8c1f" not in hidden.without(text)
    assert "***" in hidden.without(text)


def test_each_line_of_a_value_is_hidden() -> None:
    hidden.remember(["-----BEGIN KEY-----\nabcdefgh\nijklmnop\n-----END KEY-----"])
    assert hidden.without("-----BEGIN KEY----- then ijklmnop") == "-----BEGIN KEY----- then ***"


def test_the_password_of_a_url_is_hidden_though_nobody_said_so() -> None:
    assert hidden.without("fetch https://bot:hunter22@git.invalid/x: 403") == "fetch https://bot:***@git.invalid/x: 403"
    assert hidden.without("ssh://git@git.invalid/x") == "ssh://git@git.invalid/x"
    assert hidden.without("db://app:hun@ter22@db, db://b:22@db") == "db://app:***@db, db://b:***@db"
    assert hidden.without("clone https://0123456789abcdef@git.invalid/x") == "clone https://***@git.invalid/x"


def test_a_long_text_takes_no_longer_than_its_length() -> None:
    """Two that are a hundred times as long take a hundred times as long, not ten thousand."""

    def seconds(text: str) -> float:
        started = time.process_time()
        hidden.without(text)
        return time.process_time() - started

    short = min(seconds("a" * 20_000) for _ in range(5))
    assert seconds("a" * 2_000_000) < 1000 * max(short, 1e-5)


def test_a_short_value_and_the_name_of_an_object_are_no_secrets() -> None:
    remember_secrets([secret("keys", "app-prod", user="web", database="app-prod", password="hunter22")])
    assert hidden.without("Deployment/app-prod/web: hunter22") == "Deployment/app-prod/web: ***"


def test_json_stays_json_whatever_is_hidden(capsys: pytest.CaptureFixture[str]) -> None:
    hidden.remember(["1234567", "8c1f8c1f"])
    echo_json({"number": 1234567, "text": ["a 1234567", {"inner": "8c1f8c1f"}]})
    assert json.loads(capsys.readouterr().out) == {"number": 1234567, "text": ["a ***", {"inner": "***"}]}


def test_what_a_variable_or_an_annotation_holds_is_known_by_its_name() -> None:
    env = [{"name": "DB_PASSWORD", "value": "hunter22"}, {"name": "API_TOKEN_MODE", "value": "required"}]
    container = {"name": "web", "image": "x", "env": env}
    remember_secrets([deployment(containers=[container]).with_annotations({"example.invalid/api-key": "8c1f8c1f"})])
    assert hidden.without("hunter22 8c1f8c1f required") == "*** *** required"


@pytest.mark.parametrize("data", ["8c1f8c1f", ["8c1f8c1f"], {"a": ["8c1f8c1f"]}, {"a": 8.5}])
def test_a_secret_of_a_wrong_shape_is_one_all_the_same(data: object) -> None:
    body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "x"}, "stringData": data}
    assert {"8c1f8c1f", "8.5"} & secret_values(body)


def test_a_value_that_is_coded_in_lines_is_known_decoded() -> None:
    coded = base64.encodebytes(b"a long value " * 12).decode()
    body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "x"}, "data": {"a": coded}}
    assert "a long value " * 12 in secret_values(body)


def test_an_object_is_shown_without_its_secrets_the_same_each_time() -> None:
    keys = secret(password="hunter22", pin="12")
    remember_secrets([keys])
    assert shown(keys.body)["stringData"] == {"password": "***", "pin": "***"}
    assert shown(config_map(url="db://app:hunter22@db").body)["data"] == {"url": "db://app:***@db"}
    other = KubeObject({**keys.body, "apiVersion": "example.invalid/v1"})
    assert shown(other.body)["stringData"] == {"password": "***", "pin": "12"}
