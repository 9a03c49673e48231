"""The API for clients: the GraphQL schema and the Starlette app that serves it."""
