"""Statistics of scores: estimates, intervals, tests, ranks and fronts. Nothing here knows what a record is."""
