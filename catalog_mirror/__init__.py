"""What the CMS says: products, variants, stock, history, revisions."""
