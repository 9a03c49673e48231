"""`clipgraph reconcile`: merging walks both sides, judging names what differs, confirming looks again, mending acts."""
