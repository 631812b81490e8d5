"""What more than one function needs: settings, auth, models, Partner Center, the archive, the queue."""
