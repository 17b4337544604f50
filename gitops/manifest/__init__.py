"""Writes images into the manifest repository: `images` edits bytes (pure), `repository` makes one commit of the edits.

`document` is what both stand on: YAML text whose scalars are replaced in place, and the proof that nothing else was.
"""
