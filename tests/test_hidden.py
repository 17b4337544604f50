"""The last net: what was learned of a secret is hidden wherever it turns up."""

import base64
import json
import random
import re
import shlex
import textwrap
import time
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import pytest
import yaml

from gitops import hidden
from gitops.cli.output import echo_json
from gitops.clients.api_errors import refusal
from gitops.objects import KubeObject
from gitops.plan.mask import remember_secrets, secret_values, shown
from tests.support.kube_objects import config_map, deployment, secret

CANARY = 'canary "8c1f" <&>'


@pytest.mark.parametrize(
    "text",
    [
        CANARY,
        json.dumps({"a": CANARY}),
        "canary &quot;8c1f&quot; &lt;&amp;&gt;",
        "canary%20%228c1f%22%20%3C%26%3E",
        'canary "8c1f" &lt;&amp;&gt;',
        "canary &#34;8c1f&#34; &lt;&amp;&gt;",
        r"canary \"8c1f\" \u003c\u0026\u003e",
        "canary+%228c1f%22+%3C%26%3E",
        "canary%20%228c1f%22%20%3c%26%3e",
        base64.b64encode(CANARY.encode()).decode(),
        base64.b64encode(CANARY.encode()).decode().rstrip("="),
    ],
)
def test_a_value_is_hidden_however_it_is_written(text: str) -> None:
    hidden.remember([CANARY])
    assert "8c1f" not in hidden.without(text)
    assert "***" in hidden.without(text)


@pytest.mark.parametrize("before", ["", "u:", "me:", "name=", "Password: "])
@pytest.mark.parametrize("after", ["", "\n", "&more", " and more"])
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
def test_a_value_is_hidden_as_a_part_of_what_is_coded(before: str, after: str, encode: Any) -> None:
    """As in a Basic authorization, which has the user before the password."""
    value = "8c1f??>>8c1f~~"
    hidden.remember([value])
    coded = encode(f"{before}{value}{after}".encode()).decode()
    left = hidden.without(f"Basic {coded}").removeprefix("Basic ")
    assert "***" in left
    kept = left.split("***")
    assert len("".join(kept)) <= len(encode(f"{before}{after}".encode())) + 4, "what stands beside it, and a letter"


SHELL = """pa$$ 'w8c1f"w'/+&<é>%\\x;#!(*)~"""


@pytest.mark.parametrize(
    "text",
    [
        shlex.quote(SHELL),
        SHELL.replace("'", "'\\''"),
        r"""pa\$\$\ \'w8c1f\"w\'/+\&\<é\>%\\x\;\#\!\(\*\)\~""",
        r"""pa\$\$ 'w8c1f\"w'/+&<é>%\\x;#!(*)~""",
        "'" + SHELL.replace("'", "''") + "'",
        yaml.safe_dump(SHELL),
        json.dumps(json.dumps(SHELL)),
        json.dumps({"a": json.dumps({"b": SHELL}, ensure_ascii=False)}, ensure_ascii=False),
        quote(SHELL, safe="!~*'()"),
        quote(SHELL, safe="$&+,;="),
        SHELL.encode().hex(),
    ],
)
def test_a_value_with_every_special_letter_is_hidden_however_it_is_quoted(text: str) -> None:
    hidden.remember([SHELL])
    left = hidden.without(text)
    assert "***" in left
    assert not re.search(r"8c1f|pa|%5Cx|38633166", left), left


@pytest.mark.parametrize("width", [64, 76])
def test_a_key_in_the_lines_that_base64_prints_is_hidden(width: int) -> None:
    body = "\n".join(base64.b64encode(bytes([number] * 48)).decode() for number in range(9))
    key = f"-----BEGIN OPENSSH PRIVATE KEY-----\n{body}\n-----END OPENSSH PRIVATE KEY-----\n"
    remember_secrets([secret(key=key)])
    lines = textwrap.wrap(base64.b64encode(key.encode()).decode(), width)
    assert {hidden.without(f"+ {line}") for line in lines[:-1]} == {"+ ***"}


def test_a_value_in_a_trace_is_hidden() -> None:
    value = 'can\'t \\8c1f\t"8c1f"'
    hidden.remember([value])
    assert "8c1f" not in hidden.without(repr({"a": value}))


def test_a_value_whose_lines_and_spaces_an_error_has_joined_is_hidden() -> None:
    hidden.remember(["abcdef  ghijkl\n  mnopqr"])
    assert hidden.without("it is abcdef ghijkl mnopqr") == "it is ***"


def test_the_longest_of_those_that_begin_alike_is_hidden() -> None:
    hidden.remember(["abcdef", "abcdefghi", "defghijkl"])
    assert hidden.without("abcdefghi abcdefgh abcdeabcdef abcdefghijkl") == "*** ***gh abcde*** ***jkl"


SETTINGS = """\
# application.properties
spring.datasource.password=8c1f-one
spring.datasource.url = jdbc:postgresql://app:8c1f-two@db.invalid:5432/app
export API_TOKEN="8c1f-three"
mode=required
token.mode=required
user.name=somebody
"""


@pytest.mark.parametrize(
    ("value", "secrets", "public"),
    [
        (SETTINGS, ("8c1f-one", "8c1f-two", "8c1f-three"), ("required", "somebody", "db.invalid")),
        (
            '{"db": {"password": "8c1f-one", "host": "db.invalid"}, "apiKey":"8c1f-two"}',
            ("8c1f-one", "8c1f-two"),
            ("db.invalid",),
        ),
        ('{"auths": {"registry.invalid": {"auth": "bWU6OGMxZi1vbmU="}}}', ("8c1f-one",), ("registry.invalid",)),
        ("password: 8c1f-one\nother: somebody", ("8c1f-one",), ("somebody",)),
    ],
)
def test_a_secret_within_a_secret_is_hidden_by_itself(
    value: str, secrets: Sequence[str], public: Sequence[str]
) -> None:
    remember_secrets([secret(file=value)])
    for each in secrets:
        assert hidden.without(f"login with {each} failed") == "login with *** failed"
    for each in public:
        assert hidden.without(f"it is {each} there") == f"it is {each} there"


def test_a_great_value_costs_little() -> None:
    """A pattern of all of it would take minutes to make."""
    value = base64.b64encode(random.Random(1).randbytes(200_000)).decode()
    started = time.process_time()
    remember_secrets([secret(store=value, other=value[::-1])])
    short = time.process_time() - started
    assert hidden.without(f"it is {value}!") == "it is ***!"
    assert time.process_time() - started < 200 * max(short, 0.01)


def test_an_answer_that_is_cut_is_cut_of_what_it_hides() -> None:
    hidden.remember(["8c1f" * 10])
    said = str(refusal("a subject", 500, b"x" * 180 + b" 8c1f8c1f" + b"8c1f" * 8))
    assert said == f"a subject: {'x' * 180} ***"


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
