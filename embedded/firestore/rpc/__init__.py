"""The gRPC methods of the API, one module for each group."""
