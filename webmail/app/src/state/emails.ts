// The rows and letters this page has seen. The server is the truth; this is
// what it last said, plus acts it has not answered yet.
import { signal } from '@preact/signals';
import { type Call, from, request } from '../jmap/client';
import {
  type BodyValue, EMAIL_PROPERTIES, type Email, type EmailRow, type GetResponse, type Id, type QueryResponse, ROW_PROPERTIES,
} from '../jmap/objects';
import type { Page } from './windowed';

/** Opened letters kept, so that going back is instant. */
const LETTERS_MAX = 60;
/** A text letter is shown up to here at first; the rest on demand. */
const BODY_MAX_BYTES = 200_000;

const rows = new Map<Id, EmailRow>();
const letters = new Map<Id, Email>();

/** Counts up with every change of any row. */
export const rowsVersion = signal(0);

/** Letters whose content the server has lost: what is known of them is in the row. */
export const damaged = signal<ReadonlySet<Id>>(new Set());

export function markDamaged(id: Id): void {
  if (!damaged.value.has(id)) damaged.value = new Set([...damaged.value, id]);
}

/** RFC 8621 §4.1.4: nothing could be decoded, and there is more than is given. */
const isLost = (value: BodyValue) => value.value === '' && value.isTruncated === true && value.isEncodingProblem === true;

export const isDamaged = (email: Email) => damaged.value.has(email.id) || Object.values(email.bodyValues).some(isLost);

/** The state of RFC 8620 §5.1 up to which the rows are known. */
export const known = { state: null as string | null };

export const rowOf = (id: Id | undefined): EmailRow | undefined => (id === undefined ? undefined : rows.get(id));
export const allRows = () => [...rows.values()];

export function put(list: EmailRow[]): void {
  for (const row of list) {
    rows.set(row.id, row);
    const letter = letters.get(row.id);
    if (letter) letters.set(row.id, { ...letter, keywords: row.keywords, mailboxIds: row.mailboxIds });
  }
  rowsVersion.value += 1;
}

export function forget(ids: Id[]): void {
  for (const id of ids) {
    rows.delete(id);
    letters.delete(id);
  }
  rowsVersion.value += 1;
}

/** The account is no longer this person's to see. */
export function forgetAll(): void {
  rows.clear();
  letters.clear();
  rowsVersion.value += 1;
}

/** When each row was last changed by the person here: counted, not timed. */
const altered = new Map<Id, number>();
let acts = 0;

/** Changes a row before the server agreed. */
export function alter(id: Id, change: Partial<Pick<EmailRow, 'keywords' | 'mailboxIds'>>): void {
  acts += 1;
  altered.set(id, acts);
  const row = rows.get(id);
  if (row) rows.set(id, { ...row, ...change });
  const letter = letters.get(id);
  if (letter) letters.set(id, { ...letter, ...change });
  rowsVersion.value += 1;
}

export const has = (row: { keywords: Record<string, boolean> } | undefined, keyword: string) =>
  row?.keywords[keyword] === true;

const WORDS = ['text', 'from', 'to', 'cc', 'bcc', 'subject', 'body'];
const NEWEST = [{ property: 'hasKeyword', keyword: 'woken', isAscending: false }, { property: 'receivedAt', isAscending: false }];

/** Then the server's own order holds: what is written as it was typed comes first. */
function looksForWords(filter: Record<string, unknown>): boolean {
  const inner = filter.conditions as Record<string, unknown>[] | undefined;
  return WORDS.some((name) => name in filter) || (inner?.some(looksForWords) ?? false);
}

/** The two calls that bring one page of a list: the second takes its ids from the first. */
export function pageCalls(filter: Record<string, unknown>, position: number, limit: number, first = 0): Call[] {
  return [
    ['Email/query', {
      filter, position, limit, calculateTotal: true, collapseThreads: false,
      ...(looksForWords(filter) ? {} : { sort: NEWEST }),
    }],
    ['Email/get', { '#ids': from(first, 'Email/query', '/ids'), properties: ROW_PROPERTIES }],
  ];
}

/** RFC 8621 §4.4 with §4.2 by result reference: one round trip a page. */
export async function fetchPage(filter: Record<string, unknown>, position: number, limit: number, signal?: AbortSignal): Promise<Page> {
  const begun = acts;
  const [query, get] =
    await request<[QueryResponse, GetResponse<EmailRow>]>(pageCalls(filter, position, limit), false, signal);
  known.state ??= get.state;
  // What was done while the answer was under way is newer than it.
  put(get.list.filter((row) => (altered.get(row.id) ?? 0) <= begun));
  const found = new Set(get.list.map((row) => row.id));
  const ids = query.ids.filter((id) => found.has(id) || rows.has(id));
  return { ids, total: query.total ?? position + ids.length };
}

export const letterOf = (id: Id | null): Email | undefined => (id ? letters.get(id) : undefined);

/** The whole letter; null when the server no longer has it. */
export async function fetchLetter(id: Id): Promise<Email | null> {
  const cached = letters.get(id);
  if (cached) return cached;
  const [get] = await request<[GetResponse<Email>]>([['Email/get', {
    ids: [id], properties: [...EMAIL_PROPERTIES, 'headers'], fetchTextBodyValues: true, maxBodyValueBytes: BODY_MAX_BYTES,
  }]]);
  const letter = get.list[0];
  if (!letter) return null;
  if (isDamaged(letter)) markDamaged(id);
  letters.set(id, letter);
  if (letters.size > LETTERS_MAX) {
    const oldest = letters.keys().next().value;
    if (oldest !== undefined) letters.delete(oldest);
  }
  const { id: same, blobId, threadId, mailboxIds, keywords, size, receivedAt, hasAttachment, from: by, to, subject, preview } = letter;
  put([{ id: same, blobId, threadId, mailboxIds, keywords, size, receivedAt, hasAttachment, from: by, to, subject, preview }]);
  return letter;
}
