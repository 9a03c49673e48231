"""Clips, as clients see them."""
