"""gitops.yaml -> a frozen, typed `Config`; every mistake is reported at once, with its line and column.

`model` says what may be written, `reader` turns YAML into it, `schema` publishes the same as JSON Schema.
"""

from gitops.config.model import (
    Application,
    Autoscaling,
    Cluster,
    Config,
    Egress,
    Environment,
    Headroom,
    Image,
    Pipeline,
    Platform,
    Quota,
    Registry,
    Repository,
    Resources,
    Target,
)
from gitops.config.reader import CONFIG_FILE, find_config, load_config, parse_config

__all__ = [
    "CONFIG_FILE",
    "Application",
    "Autoscaling",
    "Cluster",
    "Config",
    "Egress",
    "Environment",
    "Headroom",
    "Image",
    "Pipeline",
    "Platform",
    "Quota",
    "Registry",
    "Repository",
    "Resources",
    "Target",
    "find_config",
    "load_config",
    "parse_config",
]
