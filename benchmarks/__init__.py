"""What is claimed about speed, measured here and now: `make bench`. Ratios against a peer in the same run."""
