"""Logs: their format, their redaction, and the audit of mutations."""
