"""Subscriptions to changes, for any number of subscribers over few Listen streams. See `listener.py`."""
