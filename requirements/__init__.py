"""The installed packages, pinned and hashed, and the tools over these lists: the audit and the bill of materials."""
