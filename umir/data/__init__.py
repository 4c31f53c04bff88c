"""Labelled audio from files: examples, the user's manifest, annotation files."""
