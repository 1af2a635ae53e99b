/** What is told of a record without its body. */
export interface ListedRecord {
  readonly key: string;
  readonly bodyBytes: number;
  readonly storedAt: number;
  readonly keepUntil: number;
  readonly tags: readonly string[];
}
