"""Images and the launcher: runs a step in a container with pinned software, or without one.

`recipes` says what an image is made of and gives it an identity; `build`, `records` and `conda`
make images, the record of them and conda environments from the same lock files; `launch` runs one
step, with `mounts` (what it may see), `gpus` (which devices) and `client` (the engine's socket).
"""
