# DO NOT EDIT: generated from openapi.server.json by `make generate`.
"""One module per tag, one function per operation."""
