"""What does it cost? `make bench` prints it; nothing here decides about a test."""
