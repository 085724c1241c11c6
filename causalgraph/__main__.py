"""``python -m causalgraph``."""

from causalgraph.cli import main

if __name__ == "__main__":
    main()
