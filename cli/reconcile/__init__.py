"""`clipgraph reconcile`: a merge walks both sides, a judge names what differs, a recheck looks again, a repair acts."""
