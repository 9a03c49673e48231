"""Firestore's transport, RPCs, encoding, paths, transactions and metering."""
