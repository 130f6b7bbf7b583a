"""The launcher: runs a step in a container with pinned software, or without one.

`recipes` says what an image is made of and gives it an identity; `launch` runs one step, with
`mounts` (what it may see), `gpus` (which devices) and `engine` (Docker's or Podman's commands).
`tools.images` builds the images.
"""
