"""The command `kraty`: for support, scripts and the terminal. docs/cli.md shows what it can do."""
