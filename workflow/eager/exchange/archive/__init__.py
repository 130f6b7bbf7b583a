"""One finished experiment as one file that can be checked and recomputed."""
