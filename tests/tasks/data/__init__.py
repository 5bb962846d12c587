"""Data as people have them."""
