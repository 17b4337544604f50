"""`gitops teardown` against the fake cluster: what goes, what stays."""
