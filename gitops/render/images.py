"""images and replicas."""

import re
from collections.abc import Iterable
from typing import Any

from gitops.render.fields import SCALAR, Selected, Specs, split_path, visit
from gitops.render.problems import NotModelled, Place, RenderError, closest
from gitops.render.resource import Resource, ResourceList, group_version
from gitops.render.scalars import is_null, plain, text_of

_TAIL = r"(:[a-zA-Z0-9_.{}-]*)?(@sha256:[a-zA-Z0-9_.{}-]*)?\Z"
_CONTAINER_LISTS = ("containers", "initContainers")


class ImageRule:
    """One entry of `images`. `used` tells afterwards whether any image had its name."""

    def __init__(self, entry: dict[str, str], index: int) -> None:
        self._entry = entry
        self._pattern = go_regex(entry.get("name") or "", "images", before="^", after=_TAIL)
        self.index = index
        self.used = False

    @property
    def name(self) -> str:
        return self._entry.get("name") or ""

    def applied(self, image: str) -> str:
        """What `image` becomes."""
        if not self._pattern.search(image):
            return image
        self.used = True
        name, tag, digest = split_image(image)
        new_tag, new_digest = self._entry.get("newTag") or "", self._entry.get("digest") or ""
        if new_tag or new_digest:
            tag, digest = new_tag, new_digest
        elif suffix := self._entry.get("tagSuffix"):
            tag, digest = tag + suffix, ""
        name = self._entry.get("newName") or name
        return plain(name + (f":{tag}" if tag else "") + (f"@{digest}" if digest else ""))


_GO_ALONE = re.compile(r"\\[^dDsSwWbBntr.\-/+*?^$|()\[\]{}\\]|\(\?(?!:)|[+*?}]\+|\{,|\[\[|&&|\|\||~~|--")


def go_regex(pattern: str, place: Place, before: str = "", after: str = "") -> re.Pattern[str]:
    """`pattern` of Go's syntax, compiled. Raises `NotModelled` where Go and Python may read it differently."""
    unmodelled = NotModelled(f"the regular expression {pattern}", "use a simpler one", place)
    if _GO_ALONE.search(pattern):
        raise unmodelled
    try:
        return re.compile(before + pattern + after, re.ASCII)
    except re.error as error:
        raise unmodelled from error


def split_image(image: str) -> tuple[str, str, str]:
    """Name, tag and digest of an image. A port before the first slash belongs to the name."""
    slash = max(image.find("/"), 0)
    at, colon = image.find("@", slash), image.find(":", slash)
    if at >= 0 and (colon < 0 or at < colon):
        return image[:at], "", image[at + 1 :]
    if colon < 0:
        return image, "", ""
    if at >= 0:
        return image[:colon], image[colon + 1 : at], image[at + 1 :]
    return image[:colon], image[colon + 1 :], ""


def set_images(resources: ResourceList, rules: list[ImageRule], specs: Specs) -> None:
    """Apply every rule, in order, to every image of every object."""
    selected = Selected(specs.fields["images"])
    results: dict[tuple[str, int], str] = {}
    for each in resources if rules else ():
        if each.kind == "CustomResourceDefinition":
            continue
        for holder, key, times in _images_of(each, selected):
            image = _image(holder[key], each)
            result = results.get((image, times))
            if result is None:
                result = results[image, times] = _applied(rules, image, times)
            if result != image:
                holder[key] = result


def _applied(rules: list[ImageRule], image: str, times: int) -> str:
    for rule in rules:
        for _ in range(times):
            image = rule.applied(image)
    return image


def _images_of(resource: Resource, selected: Selected) -> list[tuple[dict[str, Any], str, int]]:
    """Holder and key of each image, and how often a rule applies to it.

    kustomize looks in every list called containers, and then in its field specs: a rule meets most images twice.
    """
    places: list[tuple[dict[str, Any], str]] = []
    _find_containers(resource.body, places)

    def found(holder: Any, key: Any) -> None:
        places.append((holder, key))

    for steps, _ in selected.of(resource):
        visit(resource, steps, found)
    times: dict[tuple[int, str], int] = {}
    holders: dict[tuple[int, str], dict[str, Any]] = {}
    for holder, key in places:
        times[id(holder), key] = times.get((id(holder), key), 0) + 1
        holders[id(holder), key] = holder
    return [(holder, at[1], times[at]) for at, holder in holders.items() if not is_null(holder[at[1]])]


def _images_in(key: str, containers: list[Any]) -> list[tuple[dict[str, Any], str]]:
    if not all(isinstance(each, dict) or is_null(each) for each in containers):
        raise RenderError(key, "has an item that is no map", "give it name: and image:")
    return [(each, "image") for each in containers if isinstance(each, dict) and "image" in each]


def _image(value: Any, resource: Resource) -> str:
    if isinstance(value, dict | list):
        raise RenderError(resource.place, f"image of {resource} is no string", "give it name:tag")
    return text_of(value)


def _find_containers(node: Any, places: list[tuple[dict[str, Any], str]]) -> None:
    """The images of `containers` and `initContainers` at any depth, whatever the kind."""
    if node.__class__ is dict:
        for key, value in node.items():
            if value.__class__ is dict or value.__class__ is list:
                _find_containers(value, places)
                if key in _CONTAINER_LISTS and value.__class__ is list:
                    places += _images_in(key, value)
    elif node.__class__ is list:
        for item in node:
            if item.__class__ is dict or item.__class__ is list:
                _find_containers(item, places)


def set_replicas(resources: ResourceList, entry: dict[str, Any], specs: Specs, place: Place) -> None:
    """One entry of `replicas`. Raises `RenderError` where nothing has its name."""
    name, count = entry.get("name") or "", entry.get("count", 0)

    def write(holder: Any, key: Any) -> None:
        if isinstance(holder[key], dict | list):
            raise RenderError(place, f"{key} of {name} is no number", "give it one")
        holder[key] = count

    found = False
    for spec in specs.fields["replicas"]:
        for each in resources.named(name):
            group, version = group_version(each.api_version)
            kinds = {before.kind for before in each.previous if before.name == name}
            kinds |= {each.kind} if each.name == name else set()
            if not any(spec.selects(group, version, kind) for kind in kinds):
                continue
            found = True
            if spec.selects(group, version, each.kind):
                visit(each, split_path(spec.path), write, SCALAR if spec.create else "")
    if not found:
        raise RenderError(place, f"no object with replicas is called '{name}'", _names(resources, specs))


def _names(resources: Iterable[Resource], specs: Specs) -> str:
    kinds = {spec.kind for spec in specs.fields["replicas"]}
    return closest("", sorted({each.original.name for each in resources if each.kind in kinds}))
