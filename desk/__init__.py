"""What runs whether or not a browser is open: the one Desk, its collector, repair, looks and journal."""
