"""The words every package shares: values, errors, settings. Standard library and numpy only."""
