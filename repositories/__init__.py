"""Firestore documents as models, and the units of work that change them."""
