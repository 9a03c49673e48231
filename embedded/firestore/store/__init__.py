"""The SQLite file: schema, documents, snapshots, and the one writer."""
