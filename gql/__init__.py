"""What clients see: the GraphQL schema and the Starlette app that serves it."""
