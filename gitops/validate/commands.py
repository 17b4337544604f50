"""Checks of shell commands: in containers, scripts, buildspecs and documents. Pure: text in, problems out.

A problem is a code, the line of the text (from 0) and what is wrong.
"""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from gitops.validate.log_patterns import Problem


class Command(NamedTuple):
    """One command, its continued lines joined."""

    line: int
    text: str


class Rule(NamedTuple):
    """A command that a pattern matches is a defect."""

    code: str
    pattern: re.Pattern[str]
    what: str


NODE_POLICIES = {
    "AmazonEKSWorkerNodePolicy",
    "AmazonEKSWorkerNodeMinimalPolicy",
    "AmazonEKS_CNI_Policy",
    "AmazonSSMManagedInstanceCore",
    "AmazonEC2ContainerRegistryReadOnly",
    "AmazonEC2ContainerRegistryPullOnly",
}
"""What a node itself needs: https://docs.aws.amazon.com/eks/latest/userguide/create-node-role.html"""

_WRONG = (
    Rule("W006", re.compile(r"\bwget\b[^|;&]*\s-0(-|\s|$)"), "wget has no -0: write -O (the letter)"),
    Rule(
        "W006",
        re.compile(r"\bcurl\b[^|;&]*\s-0\s"),
        "curl -0 asks for HTTP/1.0 and prints to stdout: write -O (the letter)",
    ),
    Rule("W006", re.compile(r"--imgae\b"), "--imgae is not a flag: write --image"),
    Rule("W006", re.compile(r"\bkubectl logs [\w.-]+=[\w.-]+"), "kubectl logs takes labels after -l"),
    Rule("W006", re.compile(r"\bcurl\b[^;&]*\|\s*(sudo )?((ba)?sh|python[\d.]*)\b"), "what curl fetches is run unseen"),
    Rule(
        "W006",
        re.compile(r"\bpython[\d.]* (\S*/)?get-pip\.py\b"),
        "get-pip.py refuses the Python of an old image, and every image of CodeBuild has pip: python3 -m venv",
    ),
    Rule(
        "W006",
        re.compile(r"\bwget\b(?![^|;&]*(-T\b|--timeout))[^|;&]*https?://"),
        "wget without -T hangs where a policy drops it",
    ),
    Rule(
        "W006",
        re.compile(r"\baws ecr get-login(?!-)"),
        "aws ecr get-login is gone from version 2 of the AWS CLI",
    ),
)
"""What a container's command is checked for, and every other."""
_SCRIPTS = (
    Rule(
        "S001",
        re.compile(r"\bkubectl\b[^|;&]*\bdelete\b[^|;&]*\s(-f|--filename)[ =]?(\./?|\*|https?://\S+)(\s|$)"),
        "deletes what happens to lie there, and not what was made",
    ),
    Rule(
        "S006",
        re.compile(r"\beksctl create iamidentitymapping\b"),
        "eksctl create iamidentitymapping writes to the ConfigMap aws-auth",
    ),
    Rule(
        "S006",
        re.compile(r"\bkubectl\b[^|;&]*\b(edit|apply|patch|replace)\b[^|;&]*\baws-auth"),
        "changes the ConfigMap aws-auth",
    ),
    Rule(
        "S007",
        re.compile(
            r"\bkubectl\b[^|;&]*\b(apply|create|replace)\b[^|;&]*\s(-f|-k|--filename|--kustomize)[ =]?https?://"
        ),
        "applies what that address serves today",
    ),
    Rule("S007", re.compile(r"\bcurl\b[^;&]*\|\s*kubectl\b"), "applies what that address serves today"),
    Rule(
        "S008",
        re.compile(r"\bkubectl\b[^|;&]*\bcreate (configmap|cm|secret|namespace|ns|serviceaccount)\b(?!.*--dry-run)"),
        "kubectl create fails when it is run again",
    ),
    Rule(
        "S010",
        re.compile(r"\baws configure(\s*$|\s+set\s+aws_(access|secret)|\s*[;&|])"),
        "aws configure changes the default profile, and keeps a key in a file",
    ),
    Rule(
        "S012", re.compile(r"\bkubectl\b[^|;&]*\s-f ?-?-? ?- ?<<|\bkubectl\b[^|;&]*\s-f ?-?<<"), "an object by heredoc"
    ),
    Rule(
        "C019",
        re.compile(r"\baws iam create-(user|login-profile|access-key|service-specific-credential)\b"),
        "makes a credential that does not expire; git-remote-codecommit takes a role's",
    ),
    Rule(
        "R004",
        re.compile(r"\baws eks (create|update)-access-entry\b.*\bsystem:masters\b"),
        "whoever has that role may do everything in the cluster",
    ),
    Rule(
        "S013",
        re.compile(r"\bgit add (--all\b|-A\b|\.(\s|$))"),
        "takes along whatever lies there, a key too",
    ),
    Rule(
        "C014",
        re.compile(r"\b(attach|put)-(role|user|group)-policy\b.*:policy/\S*FullAccess\b"),
        "attaches a FullAccess policy",
    ),
)
_REGION, _ALIAS = re.compile(r"--region\b"), re.compile(r"--alias[ =]+(\S+)")
_ATTACHED = re.compile(r"\battach-role-policy\b.*:policy/(?:[\w-]+/)*(\w+)")
_NODE_ROLE = re.compile(r"(?i)--role-name[ =]\S*node")
_CREDENTIAL = re.compile(
    r"\b(aws eks get-token|aws ecr get-login-password|kubectl create token|aws sts (get-session-token|assume-role))\b"
)
_DELETED = re.compile(r"\bkubectl\b[^|;&]*\bdelete\b\s+([^|;&]*)")
_USED = re.compile(r"(?i)configmap|\bcm\b|config\b|serviceaccount|\bsa\b|namespace|\bns\b|rbac|secret")
_USER = re.compile(r"(?i)daemonset|\bds\b|deploy|statefulset|\bsts\b|fluentd\b|fluent-bit\b|agent\b")
_POLICY = re.compile(r"(?i)\bkubectl\b[^|;&]*\bapply\b[^|;&]*(network-?polic|default-?deny)")
_ENFORCER = re.compile(r"(?i)enableNetworkPolicy|calico|tigera")
_WAITS = re.compile(r"\brollout status\b|\bkubectl\b[^|;&]*\bwait\b|\bgitops (deploy|verify)\b")
_DOWNLOADS = re.compile(r"\bcurl\b[^|;&]*\s(-\w*[oO]|--output|--remote-name)\b|\bwget\b[^|;&]*https?://")
_NO_DOWNLOAD = re.compile(r"/dev/null|--spider\b|\s-\w*O\s*-(\s|$)")
_VERIFIES = re.compile(r"\b(sha(256|384|512)?sum|shasum|gpg|cosign|minisign|openssl dgst)\b|--require-hashes")
_APPLIES = re.compile(r"\bkubectl\b[^|;&]*\bapply\b(?!.*--dry-run)")


def command_problems(text: str) -> Iterator[Problem]:
    """What is wrong in a container's command."""
    for line, command in commands_of(text):
        yield from ((rule.code, line, rule.what) for rule in _WRONG if rule.pattern.search(command))


def script_problems(commands: Sequence[Command], runs: bool) -> Iterator[Problem]:
    """What is wrong in the commands of a file. `runs`: it is a script, not a document that shows commands."""
    for line, command in commands:
        for rule in (*_WRONG, *_SCRIPTS):
            if rule.pattern.search(command):
                yield rule.code, line, rule.what
        attached = _ATTACHED.search(command)
        if attached and attached[1] not in NODE_POLICIES and _NODE_ROLE.search(command):
            yield "C013", line, f"attaches {attached[1]} to the nodes' role"
        if runs and _shows_credential(command):
            yield "S005", line, "prints a credential to where logs are kept"
    yield from _contexts(commands)
    yield from _order(commands)
    yield from _remotes(commands)
    if runs:
        yield from _unwatched(commands)
        yield from _unverified(commands)


def commands_of(text: str) -> list[Command]:
    """The commands of a script; of a transcript, those after its prompt."""
    lines = text.splitlines()
    prompted = any(re.match(r"\s*\$ ", line) for line in lines)
    found: list[Command] = []
    continued = False
    for number, line in enumerate(lines):
        bare = re.sub(r"^\s*(-\s+)?(\$ )?", "", line).rstrip()
        if continued:
            more = bare.removesuffix("\\").strip()
            found[-1] = Command(found[-1].line, f"{found[-1].text} {more}")
        elif bare and not bare.startswith("#") and (not prompted or re.match(r"\s*\$ ", line)):
            found.append(Command(number, bare.removesuffix("\\").rstrip()))
        else:
            continue
        continued = bare.endswith("\\")
    return found


def _shows_credential(command: str) -> bool:
    """Neither piped, nor kept in a variable or a file."""
    match = _CREDENTIAL.search(command)
    if match is None:
        return False
    before, after = command[: match.start()], command[match.end() :]
    return bool(re.match(r"\s*(echo|printf)\b", before)) or not (
        re.search(r"[`(]\s*$", before) or re.search(r"[|>]", after)
    )


def _contexts(commands: Sequence[Command]) -> Iterator[Problem]:
    made: set[str] = set()
    writes = False
    for line, command in commands:
        if "aws eks update-kubeconfig" in command:
            writes = True
            alias = _ALIAS.search(command)
            missing = [flag for flag, found in (("--region", _REGION.search(command)), ("--alias", alias)) if not found]
            if missing:
                yield "S003", line, f"update-kubeconfig without {' and '.join(missing)}"
            made |= {alias[1]} if alias else set()
        made |= {name for _, name in re.findall(r"\b(set-context|rename-context \S+) (\S+)", command)}
        used = re.search(r"\buse-context ([\w./:@-]+)", command)
        if writes and used and used[1] not in made and not used[1].startswith("arn:"):
            yield "S004", line, f"no command above makes the context {used[1]}"


def _order(commands: Sequence[Command]) -> Iterator[Problem]:
    """Deletions of what is still in use, and policies before what enforces them."""
    deletions = [(line, match[1]) for line, text in commands if (match := _DELETED.search(text))]
    for position, (line, what) in enumerate(deletions):
        later = [other for _, other in deletions[position + 1 :] if _USER.search(other) and not _USED.search(other)]
        if later and _USED.search(what):
            yield "S002", line, f"is deleted before what uses it: {later[0].strip()}"
    enforcers = [line for line, text in commands if _ENFORCER.search(text)]
    for line, text in commands:
        if _POLICY.search(text) and enforcers and min(enforcers) > line:
            yield "S011", line, f"a NetworkPolicy before what enforces it, {min(enforcers) - line} lines below"


def _unwatched(commands: Sequence[Command]) -> Iterator[Problem]:
    applied = [line for line, text in commands if _APPLIES.search(text)]
    if applied and not any(_WAITS.search(text) for line, text in commands if line >= applied[-1]):
        yield "S009", applied[-1], "nothing waits until the pods are ready"


def _remotes(commands: Sequence[Command]) -> Iterator[Problem]:
    """A clone has an origin; only what `git init` made has none."""
    made = any(re.search(r"\bgit init\b|\bgit remote (rm|remove|rename) origin\b", text) for _, text in commands)
    for line, text in commands:
        if re.search(r"\bgit remote add (-\w+ )*origin\b", text) and not made:
            yield "S014", line, "a clone has an origin already"


def _unverified(commands: Sequence[Command]) -> Iterator[Problem]:
    """Downloads in a script that looks at no hash or signature afterwards."""
    for position, (line, text) in enumerate(commands):
        downloads = _DOWNLOADS.search(text) and not _NO_DOWNLOAD.search(text)
        if downloads and not any(_VERIFIES.search(later) for _, later in commands[position:]):
            yield "S015", line, "nothing compares it with a hash that is kept here"
