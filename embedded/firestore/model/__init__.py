"""Names, values and documents, as the API defines them."""
