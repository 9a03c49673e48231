"""Between documents as Firestore holds them and models: no stored value makes a document unreadable."""
