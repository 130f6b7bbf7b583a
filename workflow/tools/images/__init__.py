"""Builds, checks and records the container images, and makes conda environments of their locks."""
