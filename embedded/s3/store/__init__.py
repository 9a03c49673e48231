"""Files of objects and parts, and the SQLite file with all else that is known of them."""
