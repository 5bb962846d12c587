"""From records to rows: what was measured of each method, which rows may be compared, and what resampling says."""
