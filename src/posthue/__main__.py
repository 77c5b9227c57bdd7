"""``python -m posthue``: the command line, where the script is not on the path."""

from posthue.apps.cli.main import main

if __name__ == "__main__":
    main()
