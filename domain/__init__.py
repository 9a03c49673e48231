"""Pure rules of names, keys and times: the limits of Firestore and R2, and the layout of the bucket."""
