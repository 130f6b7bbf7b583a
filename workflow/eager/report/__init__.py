"""The report page: one HTML file with everything in it, opened from disk without a network."""
