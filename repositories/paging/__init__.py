"""Pages of Firestore collections: cursors, orders and queries."""
