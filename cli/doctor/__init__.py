"""`clipgraph doctor`: looks at each thing that the server stands on, and says what to do where one is ill."""
