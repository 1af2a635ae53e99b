"""The part of Stack that lives inside a Python process: zygote and WSGI workers.

Standard library only, Python 3.9 and later. `PROTOCOL.md` has the messages exchanged with the arbiter;
the frames exchanged with the edge are those of `packages/protocols/src/worker/frames.ts`.
"""
