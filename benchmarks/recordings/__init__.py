"""Folders of labelled audio from public data sets, and what is measured on them.

One module per source of recordings; `benchmarks/real_folders.py` builds, and
`benchmarks/real_recordings.py` measures.
"""
