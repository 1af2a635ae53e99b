/** What threads say to each other about answers that one fetches and another waits for. */
import type { CacheRecord } from "@stack/cache";

/** How an answer begins; `stored` is what it will be once it is stored (`encodeStored`), "" for none. */
interface SentHead {
  readonly status: number;
  readonly reason: string;
  readonly fields: string;
  readonly length: number;
  readonly hasDate: boolean | undefined;
  readonly refusal: string;
  readonly stored: string;
}

interface SentSource {
  readonly servedBy: string;
  readonly app: string;
  readonly queueMs: number;
  readonly release: string;
}

/** To who fetches; `id` is chosen by who joins. */
export type ToLender =
  | { readonly fill: "join"; readonly id: number; readonly key: string }
  | { readonly fill: "leave"; readonly id: number }
  /** So many bytes of an answer that is not kept have gone to clients. */
  | { readonly fill: "took"; readonly id: number; readonly bytes: number };

/** To who joined. */
export type ToBorrower =
  /** Nothing of the kind is fetched, or not for everybody; `isLost`: look again. */
  | { readonly fill: "released"; readonly id: number; readonly isLost: boolean }
  | {
      readonly fill: "begin";
      readonly id: number;
      readonly head: SentHead;
      readonly source: SentSource;
    }
  | { readonly fill: "piece"; readonly id: number; readonly bytes: Uint8Array | string }
  /** It is too long to be kept: pieces come as they are taken. */
  | { readonly fill: "long"; readonly id: number }
  | { readonly fill: "end"; readonly id: number }
  /** It came from the store, or is in there by now. */
  | {
      readonly fill: "stored";
      readonly id: number;
      readonly key: string;
      readonly record: Pick<CacheRecord, "meta" | "storedAt"> & { readonly body: Uint8Array };
      /** Of `outcomeList`; -1 for the waiting client's own. */
      readonly outcome: number;
      readonly source: SentSource;
    }
  | {
      readonly fill: "failed";
      readonly id: number;
      readonly status: number;
      readonly reason: string;
      readonly retryAfterS: number | undefined;
      readonly source: SentSource;
    };

export type FillMessage = ToLender | ToBorrower;
