"""Limits on connections and requests, applied before GraphQL runs."""
