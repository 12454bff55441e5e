// The list in front of the person: which one, filtered how, what is picked.
import { computed, signal } from '@preact/signals';
import { boot } from '../boot';
import type { Id } from '../jmap/objects';
import { fetchPage } from './emails';
import { inbox, mailboxes, nameOfBox } from './mailboxes';
import { place } from './route';
import { both, parseSearch } from './search';
import { WindowedList } from './windowed';

export type Chip = 'all' | 'unread' | 'files' | 'flagged';

/** Lists kept, so that going back to a folder shows it at once. */
const LISTS_MAX = 12;

const CHIPS: Record<Chip, Record<string, unknown>> = {
  all: {},
  unread: { notKeyword: '$seen' },
  files: { hasAttachment: true },
  flagged: { hasKeyword: '$flagged' },
};

export const chip = signal<Chip>('all');
export const picked = signal<ReadonlySet<Id>>(new Set());
/** On narrow screens the folders are a drawer; what is looked for in it gets the focus. */
export const drawer = signal<false | 'folders' | 'accounts'>(false);
/** The row the keys are on; -1 before any. */
export const cursor = signal(-1);

/** The folder of the list; null while searching. */
export const boxId = computed(() => (place.value.at === 'box' ? (place.value.box ?? inbox.value?.id ?? null) : null));

const lists = new Map<string, WindowedList>();

/** The folders by both names, that of the server and that of the person's language. */
const around = () => ({
  me: boot.address, now: new Date(), boxes: mailboxes.value.flatMap((box) => [{ id: box.id, name: nameOfBox(box) }, { id: box.id, name: box.name }]),
});

/** What a search means here and now. */
export const searchFilter = (text: string) => parseSearch(text, around());

const subject = computed(() => {
  const at = place.value;
  if (at.at === 'search') return { key: `s:${at.text}`, filter: searchFilter(at.text) };
  return boxId.value ? { key: `b:${boxId.value}`, filter: { inMailbox: boxId.value } } : null;
});

/** Of the search that is in view; each takes the place of the one before, whose questions are given up. */
let search: { key: string; asking: AbortController } | null = null;

function giveUp(key: string): AbortSignal | undefined {
  if (!key.startsWith('s:')) return undefined;
  if (search?.key !== key) {
    search?.asking.abort();
    // What it knows is not whole.
    if (search?.asking.signal.aborted && lists.get(search.key)?.total.peek() === null) lists.delete(search.key);
    search = { key, asking: new AbortController() };
  }
  return search.asking.signal;
}

export function listFor(key: string, filter: Record<string, unknown>): WindowedList {
  const cached = lists.get(key);
  if (cached) return cached;
  const made = new WindowedList((position, limit) => fetchPage(filter, position, limit, giveUp(key)));
  lists.set(key, made);
  const oldest = lists.keys().next().value;
  if (lists.size > LISTS_MAX && oldest !== undefined) lists.delete(oldest);
  return made;
}

export const viewKey = computed(() => (subject.value ? `${subject.value.key}|${chip.value}` : ''));

export const list = computed(() =>
  (subject.value ? listFor(viewKey.value, both(subject.value.filter, CHIPS[chip.value])) : null));

/** Lists out of sight are asked for anew when they come back into it. */
export function dropOthers(): void {
  for (const key of lists.keys()) if (key !== viewKey.value) lists.delete(key);
}

/** Those that a mark may belong in, or no more: searches and filters. */
export function dropFiltered(): void {
  for (const key of lists.keys()) if (key !== viewKey.value && (key.startsWith('s:') || !key.endsWith('|all'))) lists.delete(key);
}

/** The account is no longer this person's to see. */
export const dropAll = () => lists.clear();

export function pick(ids: Iterable<Id>): void {
  picked.value = new Set(ids);
}

export function togglePick(id: Id): void {
  const next = new Set(picked.value);
  if (!next.delete(id)) next.add(id);
  picked.value = next;
}
