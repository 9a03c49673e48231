"""The log: how its lines look, what they may not hold, and the audit of mutations."""
