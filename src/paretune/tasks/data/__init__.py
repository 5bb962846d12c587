"""Data as people have them: read, recognised by its columns, and split."""
