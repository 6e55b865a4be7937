"""What builds and tests the project; never shipped."""
