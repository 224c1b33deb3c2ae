"""The emulator over HTTP: the API, the control routes under `/_emulator/` and the page."""
