"""What a request may cost: of its document before it runs, of its time while it runs, and of its caller's budget."""
