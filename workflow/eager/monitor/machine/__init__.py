"""`eager check-machine`: whether this machine generates what it should, and how fast."""
