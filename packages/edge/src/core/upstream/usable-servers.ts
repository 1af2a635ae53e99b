/**
 * Which servers of an upstream may be asked at all. Pure.
 *
 * - what the checks found down is not asked, unless they found all down: then the checks are doubted;
 * - what was ejected for its failures is not asked, unless that are more than half of those left:
 *   then it is more likely the network, or us, and all of them are;
 * - backups are asked only while no other server may be, or fewer than half of the others.
 */

export interface ServerStanding {
  readonly isBackup: boolean;
  readonly isDown: boolean;
  readonly isEjected: boolean;
}

/** Writes 1 for each server that may be asked, else 0. */
export function markUsable(servers: readonly ServerStanding[], usable: Uint8Array): void {
  const main = markGroup(servers, usable, false);
  const backups = markGroup(servers, usable, true);
  if (main.good * 2 >= main.all && main.good > 0) {
    clear(servers, usable, true);
    return;
  }
  if (backups.good > 0) return; // with them, those of the others that are good
  if (main.all > 0) clear(servers, usable, true);
  const group = main.all > 0 ? main : backups;
  trustMore(servers, usable, main.all === 0, group);
}

interface Group {
  readonly all: number;
  /** Neither down nor ejected. */
  readonly good: number;
  readonly up: number;
}

function markGroup(
  servers: readonly ServerStanding[],
  usable: Uint8Array,
  isBackup: boolean,
): Group {
  let all = 0;
  let good = 0;
  let up = 0;
  servers.forEach((server, index) => {
    if (server.isBackup !== isBackup) return;
    all += 1;
    if (!server.isDown) up += 1;
    const isGood = !server.isDown && !server.isEjected;
    if (isGood) good += 1;
    usable[index] = isGood ? 1 : 0;
  });
  return { all, good, up };
}

/** Most look dead, and there is nobody else. */
function trustMore(
  servers: readonly ServerStanding[],
  usable: Uint8Array,
  isBackup: boolean,
  group: Group,
): void {
  if (group.up > 0 && group.good * 2 >= group.up) return;
  servers.forEach((server, index) => {
    if (server.isBackup === isBackup) usable[index] = group.up === 0 || !server.isDown ? 1 : 0;
  });
}

function clear(servers: readonly ServerStanding[], usable: Uint8Array, isBackup: boolean): void {
  servers.forEach((server, index) => {
    if (server.isBackup === isBackup) usable[index] = 0;
  });
}
