"""HTTP and WebSocket: the layers around GraphQL."""
