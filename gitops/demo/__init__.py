"""What `gitops demo` brings along: the ends that a release needs, on this machine and for the time of the demo."""
