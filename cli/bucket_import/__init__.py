"""`clipgraph import`: a bucket's layout becomes metadata. Sources list files, reading makes models, writing stores."""
