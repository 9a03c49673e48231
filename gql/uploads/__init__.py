"""Uploads to R2, as clients see them."""
