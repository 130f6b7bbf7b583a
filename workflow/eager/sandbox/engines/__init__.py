"""What runs a container for solutions: Docker, Podman, Apptainer (`containers.py`), bubblewrap."""
