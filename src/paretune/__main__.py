"""`python -m paretune` is the command `paretune`."""

from paretune.cli import main

if __name__ == "__main__":
    main()
