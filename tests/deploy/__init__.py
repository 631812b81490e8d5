"""What goes to Azure, checked as far as it can be without Azure."""
