/** What was said, by the other end or by this one. */
export type Received =
  | {
      readonly id: number;
      readonly kind: "text";
      readonly text: string;
      readonly isReliable: boolean;
      readonly isOwn: boolean;
    }
  | {
      readonly id: number;
      readonly kind: "file";
      readonly name: string;
      readonly size: number;
      readonly hash: string;
      readonly isSame: boolean;
      readonly isOwn: boolean;
      readonly bytes: Uint8Array<ArrayBuffer>;
    };
