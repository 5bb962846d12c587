"""What may be said of the rows: comparisons, claims, fronts and recommendations, by one set of rules."""
