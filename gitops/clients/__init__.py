"""The edges: the only place for AWS, Docker, git, processes and HTTP. Each is imported when it is first used."""
