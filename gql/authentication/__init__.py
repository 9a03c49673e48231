"""Authentication: tokens of issuers, API keys, and on a machine of one's own the demo user."""
