"""From `git push` to a healthy release on EKS, told stage by stage.

    source repo -build-> image -bump-> manifest repo -render-> objects -plan-> changes -apply-> cluster or branch

1. `source` reads a commit of the source repository; never its work tree, unless asked.
2. `image` builds that commit, pushes the image, and reads its digest back from the registry.
3. `manifest` writes the image's name, tag and digest into an overlay, byte for byte, and pushes one commit.
4. `render` turns an overlay into objects. It reads files only.
5. `live` (within a target) reads the cluster; `plan` compares. Neither changes anything.
6. `apply` carries out exactly that plan, waits until the release is ready, and records the inventory.

`pipeline` joins the stages; `cli` shows them; `clients` is the only place that touches AWS, Docker, git, processes
or HTTP.
"""

__version__ = "0.1.0"
