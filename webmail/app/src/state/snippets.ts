// Where a search found its words in the letters that the list shows (`search/snippets.ts`).
import { signal } from '@preact/signals';
import type { Id } from '../jmap/objects';

/** A piece of text; `hit`: what was looked for. */
export interface Piece {
  text: string;
  hit: boolean;
}

export interface Found {
  subject: Piece[] | null;
  preview: Piece[] | null;
}

/** Of the search that was last asked about. */
export const snippets = signal<{ search: string; found: ReadonlyMap<Id, Found> }>({ search: '', found: new Map() });
