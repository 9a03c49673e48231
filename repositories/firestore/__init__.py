"""The wire to Firestore: RPCs, transport, encoding, transactions and metering."""
