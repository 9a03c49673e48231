"""HTTP and WebSocket: what a request passes through before it is GraphQL."""
