"""Pure rules of names, keys and times: what Firestore and R2 accept, and where a file lies in the bucket."""
