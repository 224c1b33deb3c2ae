"""The page of the emulator: HTML made on the server, one stylesheet, one script."""
