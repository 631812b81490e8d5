"""Microsoft's APIs over HTTP: what all of them need, and each one's dialect on top of it."""
