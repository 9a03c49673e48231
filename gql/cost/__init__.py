"""What a request may cost and did cost: bounded before it runs, counted while it runs."""
