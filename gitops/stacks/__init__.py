"""Stacks in AWS: from templates to change sets, carried out as shown; and the pipelines that they make.

`changes` puts change sets into our words, `up` and `down` decide and act stack by stack, `pipelines` reads what runs.
Knows nothing of Kubernetes.
"""
