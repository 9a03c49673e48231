"""Bounded in-memory caches of models, valid for one version of the stored documents."""
