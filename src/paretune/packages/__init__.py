"""Files that come in packages of the package index: downloaded once, checked by hash, kept in a cache."""
