"""What a deploy will change: desired objects and a `Snapshot` of the live ones, compared into a `Plan`.

Pure: reads no cluster, writes nothing. `model` is the data, `diff` compares two objects, `planner` decides.
"""
