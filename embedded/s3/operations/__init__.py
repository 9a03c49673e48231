"""What each operation does: conditions, ranges, checksums, lists, uploads in parts."""
