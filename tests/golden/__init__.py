"""Results that the code is known to give, and whether the present code gives the same."""
