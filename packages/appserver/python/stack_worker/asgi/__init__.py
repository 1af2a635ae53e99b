"""ASGI 3 over the worker protocol: HTTP, WebSocket and lifespan on one asyncio loop per worker."""
