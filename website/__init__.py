"""The site of the documentation: `make site` builds it from docs/, the docstrings and the CHANGELOG."""
