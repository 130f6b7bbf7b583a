"""Parts of the documentation that are made: README.md, JSON schemas, reference tables."""
