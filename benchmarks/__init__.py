"""What is claimed about speed, measured here and now: `make bench`. Ratios against a peer in the same run."""

import os
import sysconfig

# The kubectl of the lock, whose kustomize the claims are about, comes before the machine's own.
os.environ["PATH"] = os.pathsep.join((sysconfig.get_path("scripts"), os.environ["PATH"]))
