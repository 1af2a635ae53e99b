/** The component at the top: state from the store, keys to their decision, size from the terminal. */
import { useInput, useWindowSize } from "ink";
import { type ReactElement, useSyncExternalStore } from "react";
import type { KeyPress } from "./core/decide-key.ts";
import type { Capabilities } from "./core/theme.ts";
import type { Store } from "./io/store.ts";
import { Frame } from "./views/frame.tsx";

export interface AppProps {
  readonly store: Store;
  readonly capabilities: Capabilities;
  readonly offsetMinutes: number;
  readonly onKey: (key: KeyPress) => void;
}

export function App({ store, capabilities, offsetMinutes, onKey }: AppProps): ReactElement {
  const state = useSyncExternalStore(store.subscribe, store.state);
  const { columns, rows } = useWindowSize();
  useInput((input, key) => {
    const name = key.upArrow
      ? "up"
      : key.downArrow
        ? "down"
        : key.pageUp
          ? "pageUp"
          : key.pageDown
            ? "pageDown"
            : key.return
              ? "enter"
              : key.escape
                ? "escape"
                : key.backspace || key.delete
                  ? "backspace"
                  : key.tab
                    ? "tab"
                    : null;
    // Several characters at once are a paste or fast typing: each is a key of its own.
    if (name !== null || key.ctrl) onKey({ input: key.ctrl ? input : "", name, ctrl: key.ctrl });
    else for (const character of input) onKey(keyOf(character));
  });
  return <Frame state={state} screen={{ columns, rows, capabilities, offsetMinutes }} />;
}

/** Within a burst, keys that Ink would name come as their characters. */
function keyOf(character: string): KeyPress {
  const name =
    character === "\r"
      ? "enter"
      : character === "\t"
        ? "tab"
        : character === "\u007f"
          ? "backspace"
          : null;
  return { input: name === null ? character : "", name, ctrl: false };
}
