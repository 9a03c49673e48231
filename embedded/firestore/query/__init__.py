"""Queries: parsed, planned, and executed over index entries."""
