"""Rate limits: a caller's budget for a minute, and the refusal once it is used up."""
