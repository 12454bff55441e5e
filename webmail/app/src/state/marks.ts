// What the list says of letters that are likely not from whom they say (`trust/marks.ts`).
import { signal } from '@preact/signals';
import type { Id } from '../jmap/objects';

export type Mark = 'forged' | 'failed' | 'like';

/** Letters that were looked at; most have no mark. */
export const marks = signal<ReadonlyMap<Id, Mark | null>>(new Map());
