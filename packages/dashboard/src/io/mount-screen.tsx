/** Ink on the alternate screen. The only file that loads React at run time, apart from the views. */
import { render } from "ink";
import { App, type AppProps } from "../app.tsx";

export interface ScreenOptions extends AppProps {
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  /** An exception while drawing; the terminal is restored already. */
  readonly onFailure: (error: unknown) => void;
}

export interface MountedScreen {
  /** Restores the terminal; resolves when that has been written. */
  readonly unmount: () => Promise<void>;
}

export function mountScreen({ stdin, stdout, onFailure, ...app }: ScreenOptions): MountedScreen {
  const instance = render(<App {...app} />, {
    stdin,
    stdout,
    interactive: true,
    alternateScreen: true,
    incrementalRendering: true,
    maxFps: 10,
    patchConsole: false,
    exitOnCtrlC: false,
  });
  const exited = instance.waitUntilExit();
  exited.catch(onFailure);
  return {
    async unmount() {
      instance.unmount();
      await exited.catch(() => {}); // it was reported by onFailure
    },
  };
}
