"""What a caller may do in a minute, and how it is refused once that is used up."""
