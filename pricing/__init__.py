"""What each customer pays: rules, precedence, price arithmetic."""
