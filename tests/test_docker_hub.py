"""Which bases of a Dockerfile are pulled from Docker Hub, and where else they are."""

import pytest

from gitops.docker_hub import Base, docker_hub_bases


@pytest.mark.parametrize(
    ("dockerfile", "found"),
    [
        ("FROM python:3.14\n", ["1 python:3.14"]),
        (
            "# a comment\n\n  from --platform=linux/amd64 docker.io/library/golang:1.26 as build\n",
            ["3 docker.io/library/golang:1.26"],
        ),
        ("FROM bitnami/redis@sha256:1234\n", ["1 bitnami/redis@sha256:1234"]),
        ("FROM scratch\nFROM public.ecr.aws/docker/library/python:3\nFROM localhost:5000/a\nFROM localhost/a\n", []),
        ("FROM golang:1 AS Build\nFROM build\nCOPY --from=build /a /b\nCOPY --from=0 /a /b\n", ["1 golang:1"]),
        ("FROM public.ecr.aws/x/y\nCOPY --chown=1 --from=busybox:1 /bin/sh /sh\n", ["2 busybox:1"]),
        ("ARG TAG=3.14 OS\nARG BASE=python:${TAG}\nFROM $BASE\n", ["3 python:3.14"]),
        ("ARG A='x/y:1'\nFROM ${A}\nARG A=z\nFROM ${A:-q} AS q\nFROM ${B:-w}\n", ["2 x/y:1", "4 x/y:1", "5 w"]),
        ("ARG GIVEN=python\nFROM $GIVEN\n", []),
        ("FROM image-$TARGETARCH\n", []),
        ("FROM public.ecr.aws/x/y\nRUN <<EOF\nFROM python\nEOF\nFROM \\\n# why\n  alpine\n", ["5 alpine"]),
        ("# escape=`\nFROM `\n  alpine\nRUN a \\\nFROM alpine:2\n", ["2 alpine", "5 alpine:2"]),
        ("# syntax=docker/dockerfile:1\n# escape=`\nFROM `\n  alpine\n", ["1 docker/dockerfile:1", "3 alpine"]),
        ("# why\n# syntax=docker/dockerfile:1\nFROM scratch\n", []),
        ("FROM\nARG\nFROM \\", []),
    ],
)
def test_what_a_build_pulls_from_docker_hub(dockerfile: str, found: list[str]) -> None:
    bases = docker_hub_bases(dockerfile, {"GIVEN": "public.ecr.aws/a/b"})
    assert [f"{base.line} {base.image}" for base in bases] == found


def test_an_official_image_has_a_copy_elsewhere() -> None:
    for name in ("python:3.14", "docker.io/python:3.14", "index.docker.io/library/python:3.14"):
        assert Base(1, name).instead == "public.ecr.aws/docker/library/python:3.14, or a pull-through cache of your ECR"
    assert Base(1, "bitnami/redis").instead == "a pull-through cache of your ECR"
