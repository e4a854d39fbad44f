"""Timing and error-rate scripts, outside the test run: each prints figures against a baseline in the same run."""
