"""Documents as JSON Lines: out of a Firestore and into one, embedded or real, whatever their number."""
