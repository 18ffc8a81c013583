"""The HTTP API: a face beside the panel and the command line. It asks the desk, and knows nothing of engine or exchange.

Everything stands under ``/api``: on the panel's port, or alone as ``python -m trader api``. FastAPI takes a third of a second
to import, so the panel imports this package's `mounted` only, which imports the rest at the first request.
"""
