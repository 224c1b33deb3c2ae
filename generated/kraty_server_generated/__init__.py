# DO NOT EDIT: generated from openapi.server.json by `make generate`.
"""The Kraty server API as the document describes it: models and calls, no I/O.

PYTEST_DONT_REWRITE: as in `kraty_server`.
"""
