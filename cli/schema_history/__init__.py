"""`clipgraph schema changes`: what a change of the schema breaks, and whether the changelog says so."""
