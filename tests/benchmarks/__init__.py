"""What the sale does under load: `make bench`. Counts and ratios; pytest collects none of it."""
