"""What test keys read: fifty variants and the rules over them, all of it written in code."""
