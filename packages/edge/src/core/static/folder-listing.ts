/** The names in a folder, as a page for people or as JSON for programs. Pure. */
import { formatHttpDate } from "@stack/protocols";

export interface ListedEntry {
  readonly name: string;
  readonly isFolder: boolean;
  readonly size: number;
  readonly mtimeMs: number;
}

export interface FolderListing {
  /** Folders first, each by name. */
  readonly entries: readonly ListedEntry[];
  /** There are more than were read. */
  readonly isCut: boolean;
}

/** JSON where Accept names it and not HTML. */
export function asksForJson(accept: string | undefined): boolean {
  if (accept === undefined) return false;
  return (
    /(?:^|,)\s*application\/json\s*(?:;(?!\s*q=0(?:\.0*)?\s*(?:,|$))|,|$)/i.test(accept) &&
    !/text\/html/i.test(accept)
  );
}

export const listingFields =
  "Cache-Control: no-cache\r\nVary: Accept\r\nX-Content-Type-Options: nosniff\r\n";

/** With the keys of nginx's autoindex. */
export function formatListingJson({ entries }: FolderListing): string {
  return `${JSON.stringify(
    entries.map(({ name, isFolder, size, mtimeMs }) => ({
      name,
      type: isFolder ? "directory" : "file",
      mtime: formatHttpDate(mtimeMs),
      ...(isFolder ? {} : { size }),
    })),
  )}\n`;
}

/** @param path of the request, decoded as far as it could be */
export function formatListingHtml({ entries, isCut }: FolderListing, path: string): string {
  const title = `Index of ${escapeHtml(path)}`;
  const rows = entries.map(({ name, isFolder, size, mtimeMs }) => {
    const slash = isFolder ? "/" : "";
    const time = formatHttpDate(mtimeMs);
    return `<tr><td><a href="${escapeHtml(`./${encodeName(name)}${slash}`)}">${escapeHtml(name)}${slash}</a></td><td>${isFolder ? "" : size}</td><td>${time}</td></tr>\n`;
  });
  const up = path === "/" ? "" : '<tr><td><a href="../">../</a></td><td></td><td></td></tr>\n';
  const more = isCut ? `<p>Only the first ${entries.length} names are shown.</p>\n` : "";
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${title}</title>
<style>
:root { color-scheme: light dark }
body { font: 1rem/1.5 system-ui, sans-serif; margin: 2rem }
td { padding: 0 2rem 0 0; font-variant-numeric: tabular-nums }
td:nth-child(2) { text-align: right }
</style>
</head>
<body>
<h1>${title}</h1>
<table>
${up}${rows.join("")}</table>
${more}</body>
</html>
`;
}

/** A name with a lone surrogate cannot be a link; no file the kernel gave us in UTF-8 has one. */
function encodeName(name: string): string {
  return encodeURIComponent(name.toWellFormed());
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
}
