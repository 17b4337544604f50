"""An EKS cluster: `checks` says what is amiss before a deployment, `hardening` what could be closed. Pure."""
