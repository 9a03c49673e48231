"""The operations: conditions, ranges, checksums, lists, uploads in parts."""
