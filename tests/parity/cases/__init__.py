"""The cases, a module for each family of things with a name."""
