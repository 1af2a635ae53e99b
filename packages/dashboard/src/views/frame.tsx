/** One `<Text>` per row: the rows have their exact widths already, Ink only puts them on the screen. */
import { Box, Text } from "ink";
import type { ReactElement } from "react";
import type { DashboardState } from "../core/state.ts";
import { draw } from "./draw.ts";
import type { Screen } from "./screen.ts";

export interface FrameProps {
  readonly state: DashboardState;
  readonly screen: Screen;
}

export function Frame({ state, screen }: FrameProps): ReactElement {
  return (
    <Box flexDirection="column">
      {draw(state, screen).map((row, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a row of the screen is its position
        <Text key={index} wrap="truncate">
          {row === "" ? " " : row}
        </Text>
      ))}
    </Box>
  );
}
