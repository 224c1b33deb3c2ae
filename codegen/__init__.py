"""Turn `openapi.server.json` into `generated/`, and tell what a new document would change. Not in the wheel."""
