"""Index definitions, and the entries that documents have in them."""
