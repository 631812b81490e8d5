"""What people see: the whole app, looked at with a browser."""
