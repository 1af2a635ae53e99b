"""Tests of stack_worker: real zygotes, workers and sockets. `python3 -m unittest discover` in `python/`."""
