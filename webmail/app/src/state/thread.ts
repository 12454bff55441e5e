// The conversation of the open letter: its other letters, wherever they lie (RFC 8621 §3).
import { computed, effect, signal } from '@preact/signals';
import { from, request } from '../jmap/client';
import { type Email, type EmailRow, type GetResponse, type Id, ROW_PROPERTIES } from '../jmap/objects';
import { put, rowOf, rowsVersion } from './emails';
import { byId } from './mailboxes';
import { prefs } from './prefs';
import { letter } from './reader';
import { go, openId, withOpen } from './route';
import { list } from './view';

/** Letters of one conversation that are looked at. */
const LETTERS_MAX = 200;

interface Thread {
  id: Id;
  emailIds: Id[];
}

/** With the Message-ID of each. */
const found = signal<(Thread & { names: ReadonlyMap<Id, string> }) | null>(null);

const isPutAway = (row: EmailRow) => Object.keys(row.mailboxIds).every((id) => ['trash', 'junk'].includes(byId(id)?.role ?? ''));

/** In the order in which they came; the open one is among them, what was thrown away is not. */
export const conversation = computed<EmailRow[]>(() => {
  void rowsVersion.value;
  const open = letter.value;
  if (!prefs.value.threads || !open || found.value?.id !== open.threadId) return [];
  const { emailIds, names } = found.value;
  const rows = emailIds.flatMap((id) => rowOf(id) ?? []).filter((row) => row.id === open.id || !isPutAway(row));
  return withoutTwins(rows, open.id, names).sort((a, b) => Date.parse(a.receivedAt) - Date.parse(b.receivedAt));
});

/** A letter to oneself lies in Sent as well: the open one of both is shown, else the first. */
export function withoutTwins(rows: EmailRow[], open: Id, names: ReadonlyMap<Id, string>): EmailRow[] {
  const kept = new Map<string, EmailRow>();
  for (const row of rows) {
    const name = names.get(row.id) ?? row.id;
    if (!kept.has(name) || row.id === open) kept.set(name, row);
  }
  return [...kept.values()];
}

async function ask(id: Id): Promise<void> {
  const [get, emails] = await request<[GetResponse<Thread>, GetResponse<EmailRow & Pick<Email, 'messageId'>>]>([
    ['Thread/get', { ids: [id] }],
    ['Email/get', { '#ids': from(0, 'Thread/get', '/list/*/emailIds'), properties: [...ROW_PROPERTIES, 'messageId'] }],
  ]);
  const thread = get.list[0];
  if (!thread || letter.value?.threadId !== id) return;
  const names = new Map(emails.list.flatMap(({ id: email, messageId }) => (messageId?.[0] ? [[email, messageId[0]] as const] : [])));
  // Those that are known follow the changes; an answer that was long on its way must not undo what was done meanwhile.
  put(emails.list.filter((row) => !rowOf(row.id)).map(({ messageId: _, ...row }) => row));
  found.value = { id, emailIds: thread.emailIds.slice(-LETTERS_MAX), names };
}

const wanted = computed(() => (prefs.value.threads ? (letter.value?.threadId ?? null) : null));
/** A letter that comes or goes changes the list as well. */
const round = computed(() => list.value?.version.value ?? 0);

effect(() => {
  void round.value;
  const id = wanted.value;
  // Without an answer the letter stands alone, as it does where there are no others.
  if (id) ask(id).catch(() => undefined);
});

/** To the next or the previous letter of the conversation. */
export function stepInThread(by: 1 | -1): void {
  const rows = conversation.value;
  const next = rows[rows.findIndex((row) => row.id === openId.value) + by];
  if (rows.length > 1 && next) go(withOpen(next.id), true);
}
