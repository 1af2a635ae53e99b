/** Server-side rendering without a framework: a template that escapes what is put into it. */

/** The page at `/page`. */
export function renderPage({ who, machine, requests }) {
  const rows = [
    ["Cores", machine.cores],
    ["Load", machine.load.join(", ")],
    [
      "Memory",
      `${gigabytes(machine.memory.freeBytes)} of ${gigabytes(machine.memory.totalBytes)} GB free`,
    ],
    ["Up", `${Math.round(machine.uptimeSeconds / 3600)} h`],
    ["Node", machine.node],
  ];
  return String(html`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Rendered on the server</title>
<link rel="stylesheet" href="/about/style.css">
<h1>Rendered on the server</h1>
<p>Instance <b>${who.instance}</b>, worker <b>${who.worker}</b>, pid <b>${who.pid}</b> made this page;
   it is the ${requests}. answer of this worker.</p>
<table>
${rows.map(([name, value]) => html`<tr><th>${name}<td>${value}\n`)}</table>
<p><a href="/">Guestbook</a> <a href="/about/">About</a> <a href="/api/machine">The same as JSON</a></p>
</html>
`);
}

/** Marks text that is HTML already, so that templates can be put into templates. */
class Html {
  constructor(text) {
    this.text = text;
  }

  toString() {
    return this.text;
  }
}

function html(strings, ...values) {
  return new Html(String.raw({ raw: strings }, ...values.map(toHtml)));
}

function toHtml(value) {
  if (value instanceof Html) return value.text;
  if (Array.isArray(value)) return value.map(toHtml).join("");
  return String(value).replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

function gigabytes(bytes) {
  return (bytes / 2 ** 30).toFixed(1);
}
