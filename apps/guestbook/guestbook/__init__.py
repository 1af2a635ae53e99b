"""A guestbook, twice: with Flask (flask_app) and with the standard library alone (plain_app)."""
