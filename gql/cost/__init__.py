"""The cost of requests: bounded before they run, counted while they run."""
