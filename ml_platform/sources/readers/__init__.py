"""One module for each way to read raw rows."""
