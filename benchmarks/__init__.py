"""What Tradecounter costs, measured side by side with the least that could be done."""
