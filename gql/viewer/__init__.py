"""The caller, as clients see them."""
