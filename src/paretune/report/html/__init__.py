"""The page: one HTML file that works offline."""
