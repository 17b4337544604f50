"""Which images come from Docker Hub: it limits pulls by address, and all builds behind one gateway share theirs."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

_ARGUMENT = re.compile(r"(\w+)(?:=(?:\"([^\"]*)\"|'([^']*)'|(\S*)))?")
_VARIABLE = re.compile(r"\$(?:(\w+)|\{(\w+)(?::-([^}]*))?\})")
_HEREDOC = re.compile(r"<<-?[\"']?(\w+)[\"']?")
_DIRECTIVE = re.compile(r"#\s*(\w+)\s*=\s*(\S+)\s*")


@dataclass(frozen=True)
class Base:
    """An image that a Dockerfile starts from, copies out of, or is read by (`# syntax=`)."""

    line: int
    image: str

    @property
    def instead(self) -> str:
        """Where else it is to be had."""
        name = re.sub(r"^(index\.)?docker\.io/", "", self.image).removeprefix("library/")
        cache = "a pull-through cache of your ECR"
        return cache if "/" in name else f"public.ecr.aws/docker/library/{name}, or {cache}"


def from_docker_hub(image: str) -> bool:
    """A name without a host stands for Docker Hub: github.com/distribution/reference, normalize.go."""
    host, slash, _ = image.partition("/")
    return not slash or host in ("docker.io", "index.docker.io") or not re.search(r"[.:]|^localhost$", host)


def docker_hub_bases(dockerfile: str, build_args: Mapping[str, str]) -> tuple[Base, ...]:
    """What a build of `dockerfile` with `build_args` pulls from Docker Hub, but for images whose name only the builder
    knows, such as `base-$TARGETARCH`."""
    return tuple(each for each in _bases(dockerfile, build_args) if each.image and from_docker_hub(each.image))


def _bases(dockerfile: str, build_args: Mapping[str, str]) -> Iterator[Base]:
    if syntax := _directives(dockerfile).get("syntax"):
        yield Base(*syntax)
    args: dict[str, str] = {}
    stages = ["scratch"]
    for line, instruction, rest in _instructions(dockerfile):
        words = rest.split()
        plain = [word for word in words if not word.startswith("--")]
        if instruction == "ARG" and len(stages) == 1:  # what a stage declares does not count in FROM
            for name, *values in _ARGUMENT.findall(rest):
                args[name] = build_args.get(name, _expanded("".join(values), args))
        elif instruction == "FROM" and plain:
            image = _expanded(plain[0], args)
            if image.lower() not in stages:
                yield Base(line, image)
            stages.append(plain[2].lower() if len(plain) > 2 else "")
        elif instruction == "COPY":
            copied = [word.removeprefix("--from=") for word in words if word.startswith("--from=")]
            yield from (Base(line, each) for each in copied if each.lower() not in stages and not each.isdigit())


def _expanded(text: str, args: Mapping[str, str]) -> str:
    """`text` with its variables; empty where one has no value."""
    values = [args.get(plain or braced) or default for plain, braced, default in _VARIABLE.findall(text)]
    return _VARIABLE.sub(lambda _: values.pop(0), text) if all(values) else ""


def _directives(dockerfile: str) -> dict[str, tuple[int, str]]:
    """What the comments at the very top set, each with its line."""
    found = {}
    for number, line in enumerate(dockerfile.splitlines(), 1):
        match = _DIRECTIVE.fullmatch(line.strip())
        if not match:
            break
        found[match[1].lower()] = (number, match[2])
    return found


def _instructions(dockerfile: str) -> Iterator[tuple[int, str, str]]:
    """Line, instruction in capitals, and what follows it; without comments and the bodies of here-documents."""
    continued = _directives(dockerfile).get("escape", (0, "\\"))[1]
    lines = iter(enumerate(dockerfile.splitlines(), 1))
    for number, first in lines:
        text = first.strip()
        if not text or text.startswith("#"):
            continue
        while text.endswith(continued):
            more = next(lines, (0, ""))[1].strip()
            text = text if more.startswith("#") else f"{text[:-1]} {more}"
        instruction, _, rest = text.partition(" ")
        if instruction.upper() in ("RUN", "COPY", "ADD"):
            for end in _HEREDOC.findall(rest):
                next((None for _, line in lines if line.strip() == end), None)
        yield number, instruction.upper(), rest
