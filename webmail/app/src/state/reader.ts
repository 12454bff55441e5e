// The open letter: fetched, shown, marked as read a moment later.
import { computed, effect, signal, untracked } from '@preact/signals';
import type { Id } from '../jmap/objects';
import { mark } from './acts';
import { fetchLetter, has, letterOf, rowsVersion } from './emails';
import { openId } from './route';

/** Leafing through with `j` must not mark what was only passed. */
const READ_AFTER_MS = 600;

export type Opening = 'none' | 'loading' | 'ready' | 'gone' | 'failed';

export const opening = signal<Opening>('none');

export const letter = computed(() => {
  void rowsVersion.value;
  return letterOf(openId.value);
});

let timer = 0;

export async function open(id: Id | null): Promise<void> {
  window.clearTimeout(timer);
  if (!id) {
    opening.value = 'none';
    return;
  }
  opening.value = letterOf(id) ? 'ready' : 'loading';
  try {
    const found = await fetchLetter(id);
    if (openId.value !== id) return;
    opening.value = found ? 'ready' : 'gone';
    if (!found || has(found, '$seen')) return;
    timer = window.setTimeout(() => {
      if (openId.value === id) void mark([id], '$seen', true);
    }, READ_AFTER_MS);
  } catch {
    if (openId.value === id) opening.value = 'failed';
  }
}

/** The person said unread: the timer must not take it back. */
export function keepUnread(ids: Id[]): void {
  window.clearTimeout(timer);
  void mark(ids, '$seen', false, false);
}

export const followRoute = () => effect(() => {
  const id = openId.value;
  untracked(() => void open(id));
});
