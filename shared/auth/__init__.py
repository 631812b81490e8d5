"""How the app proves who it is: to the APIs through Entra ID, to storage as itself."""
