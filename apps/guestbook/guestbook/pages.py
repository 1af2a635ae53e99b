"""The one page of the guestbook, as text: the same for both applications."""
from html import escape

MAX_SLOW_MS = 10_000


def index(messages, visits, who, problem=None):
    counted = "not counted: no Redis" if visits is None else f"visit no. {visits}"
    alert = f'<p class="problem" role="alert">{escape(problem)}</p>' if problem else ""
    entries = "\n".join(entry(message) for message in messages) or "<p>Be the first!</p>"
    return f"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Guestbook</title>
<link rel="stylesheet" href="/static/guestbook.css">
<header>
  <h1>Guestbook</h1>
  <nav><a href="/about/">About</a> <a href="/page">Server-side page</a> <a href="/api/whoami">API</a></nav>
</header>
<main>
{alert}
<form method="post" action="/" enctype="multipart/form-data">
  <label>Name <input name="name" required maxlength="60"></label>
  <label>Message <textarea name="message" required maxlength="2000" rows="3"></textarea></label>
  <label>Picture <input name="avatar" type="file" accept="image/png,image/jpeg,image/gif,image/webp"></label>
  <button>Sign</button>
</form>
{entries}
</main>
<footer>
  <p>Answered by instance <b>{escape(str(who["instance"]))}</b>,
     worker <b>{escape(str(who["worker"]))}</b>, pid <b>{who["pid"]}</b> &middot; {counted}</p>
</footer>
</html>
"""


def entry(message):
    avatar = message.get("avatar")
    picture = f'<img src="/media/{escape(avatar)}" alt="" width="48" height="48">' if avatar else ""
    at = escape(message["at"])
    return f"""<article>{picture}
  <h2>{escape(message["name"])} <time datetime="{at}">{at[:16].replace("T", " ")}</time></h2>
  <p>{escape(message["text"])}</p>
</article>"""


def clamp_ms(text):
    """What `/slow?ms=` asks for, as a number of milliseconds between 0 and ten seconds."""
    return min(int(text), MAX_SLOW_MS) if text and text.isdecimal() and len(text) < 10 else 100
