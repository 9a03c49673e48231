"""What is installed, pinned and hashed, and what is done with these lists: the audit and the bill of materials."""
