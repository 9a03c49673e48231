"""Videos, as clients see them."""
