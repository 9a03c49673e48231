"""The two documents' shared base, fields, statuses and validation."""
