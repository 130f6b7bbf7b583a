"""`python -m eager`, as the rules call it."""

from eager.cli import main

if __name__ == "__main__":
    main()
