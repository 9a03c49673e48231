"""HTTP: signatures, chunked bodies, XML in and out, CORS headers, and which request is which operation."""
