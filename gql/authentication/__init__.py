"""Who is calling: tokens of the issuers that the settings name, API keys, and on one's own machine the demo user."""
