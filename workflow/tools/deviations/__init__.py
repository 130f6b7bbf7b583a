"""What deviates from the authors' code, with measured effects."""
