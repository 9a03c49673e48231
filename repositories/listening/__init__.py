"""Live: what Firestore streams of changes, for any number of subscribers over few streams. See `listener.py`."""
