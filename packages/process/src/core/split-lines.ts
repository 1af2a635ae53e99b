/** A stream of text as lines, none longer than a bound: what a child prints is not ours to trust. */

/** In UTF-16 units; the rest of a longer line is counted and dropped. */
export const maxLogLine = 64 * 1024;

export interface LineSplitter {
  readonly push: (chunk: string) => void;
  /** What is left without a newline, at the end of the stream. */
  readonly flush: () => void;
}

export function createLineSplitter(onLine: (line: string) => void): LineSplitter {
  let pending = "";
  let dropped = 0;

  function add(part: string): void {
    const room = maxLogLine - pending.length;
    if (part.length > room) {
      pending += part.slice(0, room);
      dropped += part.length - room;
    } else {
      pending += part;
    }
  }

  function emit(): void {
    const line = dropped > 0 ? `${pending} …(+${dropped})` : pending;
    pending = "";
    dropped = 0;
    onLine(line.endsWith("\r") ? line.slice(0, -1) : line);
  }

  return {
    push(chunk) {
      let start = 0;
      for (;;) {
        const end = chunk.indexOf("\n", start);
        if (end < 0) break;
        add(chunk.slice(start, end));
        emit();
        start = end + 1;
      }
      add(chunk.slice(start));
    },
    flush() {
      if (pending !== "") emit();
    },
  };
}
