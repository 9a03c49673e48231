"""A server of the real google.firestore.v1.Firestore gRPC API over one SQLite file."""
