"""The command clipgraph, the one place that puts the rooms of the house together."""
