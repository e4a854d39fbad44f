"""What the numbers say: pure functions, arrays and values in, values out. No I/O, no clock."""
