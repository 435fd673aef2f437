"""Distils a static embedding model (a table of token vectors) from a sentence transformer."""
