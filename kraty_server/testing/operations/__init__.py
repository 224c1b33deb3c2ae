"""What each operation does: a file for each noun, as in `kraty_server.resources`."""
