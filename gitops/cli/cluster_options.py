"""`--cluster` and `--context`: which cluster a command is about, and how it is reached."""

import click

cluster_option = click.option("--cluster", default="", help="Only on this cluster, of several.")
context_option = click.option(
    "--context", "kube_context", default="", help="Context of the kubeconfig to use; or in-cluster."
)
