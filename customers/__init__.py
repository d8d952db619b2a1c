"""Who partners are and what each may see."""
