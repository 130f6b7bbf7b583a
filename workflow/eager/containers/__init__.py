"""The launcher: runs a step in a container with pinned software, or without one.

`recipes` says what an image is made of and gives it an identity; `launch` runs one step, with
`gpus` (which devices it takes) and `engine` (Docker's or Podman's commands).
`tools.images` builds the images.
"""
