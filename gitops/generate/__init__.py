"""gitops.yaml -> files: the kustomize tree, the two repositories' content. Pure: returns bytes, writes nothing.

`texts/` holds the files as they are written, with <<marks>> for what the config decides; a module a part fills them.
`upgrade` compares what was written last, what is there now and what would be written, and says what to do.
"""

from gitops.generate.answers import Answers, config_text
from gitops.generate.scaffold import manifest_repository, source_repository
from gitops.generate.tree import generated_files, kustomize_tree

__all__ = ["Answers", "config_text", "generated_files", "kustomize_tree", "manifest_repository", "source_repository"]
