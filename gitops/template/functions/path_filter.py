"""Starts the source pipeline for the images whose folder a push changed; not at all where it changed none.

CodePipeline cannot filter a CodeCommit source by path: an EventBridge rule calls this function for each push instead.
"""

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import boto3


def handler(event: Mapping[str, Any], _context: object) -> list[str]:
    """An EventBridge "CodeCommit Repository State Change" of the followed branch. Returns the images to build."""
    detail = event["detail"]
    folders = json.loads(os.environ["FOLDERS"])
    old = detail.get("oldCommitId")
    images = (
        list(folders) if old is None else touched(folders, changed(detail["repositoryName"], old, detail["commitId"]))
    )
    if images:
        variables = [{"name": "images", "value": " ".join(images)}]
        boto3.client("codepipeline").start_pipeline_execution(name=os.environ["PIPELINE"], variables=variables)
    print(json.dumps({"commit": detail["commitId"], "images": images}))
    return images


def changed(repository: str, old: str, new: str) -> Iterator[str]:
    """Paths that differ between two commits, deleted and renamed ones too."""
    pages = (
        boto3.client("codecommit")
        .get_paginator("get_differences")
        .paginate(repositoryName=repository, beforeCommitSpecifier=old, afterCommitSpecifier=new)
    )
    for page in pages:
        for difference in page["differences"]:
            for side in ("beforeBlob", "afterBlob"):
                if side in difference:
                    yield difference[side]["path"]


def touched(folders: Mapping[str, str], paths: Iterable[str]) -> list[str]:
    """The images of `folders` (image -> folder, or "." for all files) that one of `paths` belongs to."""
    paths = list(paths)
    return [
        image
        for image, folder in folders.items()
        if any(folder == "." or path.startswith(folder.rstrip("/") + "/") for path in paths)
    ]
