"""What the demo's shops sell: made from a seed, the same in every run on every machine."""
