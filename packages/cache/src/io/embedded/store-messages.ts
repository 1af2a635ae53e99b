/** What the threads of an edge and the thread that owns the embedded store say to each other. */
import type { ErrorReport } from "@stack/base";
import type { ListedRecord } from "../../core/store/listed-record.ts";

export type ToStore =
  | StoreQuestion
  | { readonly type: "release"; readonly key: string; readonly token: string }
  | { readonly type: "purge"; readonly text: string };

/** Each has an answer of the same id. */
export type StoreQuestion =
  | { readonly type: "get"; readonly id: number; readonly key: string }
  | {
      readonly type: "get-or-lease" | "lease";
      readonly id: number;
      readonly key: string;
      readonly leaseMs: number;
    }
  | {
      readonly type: "set";
      readonly id: number;
      readonly key: string;
      readonly keepUntil: number;
      /** Transferred. */
      readonly value: Uint8Array<ArrayBuffer>;
    }
  | { readonly type: "delete"; readonly id: number; readonly key: string }
  | { readonly type: "list"; readonly id: number; readonly from: number }
  | { readonly type: "stats"; readonly id: number }
  | { readonly type: "ping"; readonly id: number };

export type StoreAnswer =
  | { readonly kind: "value"; readonly value: Uint8Array<ArrayBuffer> }
  | { readonly kind: "mine"; readonly token: string }
  | { readonly kind: "theirs"; readonly leftMs: number }
  | {
      readonly kind: "list";
      readonly records: readonly ListedRecord[];
      readonly next: number | undefined;
    }
  | { readonly kind: "stats"; readonly records: number; readonly bytes: number }
  /** Nothing there, or nothing to say. */
  | { readonly kind: "none" };

export type FromStore =
  | { readonly type: "answer"; readonly id: number; readonly answer: StoreAnswer }
  | { readonly type: "purge"; readonly text: string }
  | { readonly type: "lease-ended"; readonly key: string };

/** To the thread that started it. */
export type StoreReport =
  | { readonly type: "trouble"; readonly error: ErrorReport }
  | { readonly type: "recovered" };

export interface StoreThreadData {
  readonly folder: string;
  readonly bytes: number;
}
