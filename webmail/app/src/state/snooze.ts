// Letters that come back later: they wait in a mailbox of their own with the time as a keyword
// (`wake-1764032400`), and are brought back by whichever page of their owner is open first then.
// Bringing one back twice does nothing, so two pages at once are no harm.
import { from, isOwn, request } from '../jmap/client';
import type { EmailRow, GetResponse, Id, Mailbox, QueryResponse, SetResponse } from '../jmap/objects';
import { t } from '../ui/i18n';
import { moveTo, refuse, settled } from './acts';
import { SNOOZED_NAME, byRole, isSnoozed, mailboxes } from './mailboxes';
import { MAILBOX_CALL, syncSoon } from './sync';
import { spoken, tell, toasts } from './toast';
import { list } from './view';

const WAKE = 'wake-';
/** It was brought back, and stands above the others until something is done with it. */
export const WOKEN = 'woken';
/** Looked at in one request, and requests of one look. */
const LOOKED_AT_MAX = 200;
const PAGES_MAX = 50;
const LOOK_EVERY_MS = 60_000;
/** The first page comes first. */
const FIRST_LOOK_MS = 3_000;

const snoozedBox = () => mailboxes.value.find((box) => isSnoozed(box) && box.parentId === null);

const wakeKeys = (keywords: Record<string, boolean>) => Object.keys(keywords).filter((key) => /^wake-\d{1,11}$/.test(key));

/** When it comes back, in milliseconds; of several times the first. */
export function wakeAt(keywords: Record<string, boolean>): number | null {
  const times = wakeKeys(keywords).map((key) => Number(key.slice(WAKE.length)) * 1000);
  return times.length > 0 ? Math.min(...times) : null;
}

export interface Later {
  name: 'evening' | 'tomorrow' | 'monday' | 'week';
  at: Date;
}

/** Hours at which people here come to the office, and look once more before they leave it. */
const MORNING = 8;
const AFTERNOON = 14;
const MONDAY = 1;

/** What is offered: this afternoon, tomorrow, Monday, in a week. */
export function offered(now: Date): Later[] {
  const at = (days: number, hour: number) => new Date(now.getFullYear(), now.getMonth(), now.getDate() + days, hour);
  const toMonday = (MONDAY + 7 - now.getDay()) % 7 || 7;
  const all: Later[] = [
    { name: 'evening', at: at(0, AFTERNOON) }, { name: 'tomorrow', at: at(1, MORNING) },
    { name: 'monday', at: at(toMonday, MORNING) }, { name: 'week', at: at(7, MORNING) },
  ];
  // A time that is nearly over, and one that another names already, are not offered.
  return all.filter(({ name, at: time }, index) =>
    (name !== 'evening' || time.getTime() - now.getTime() > 3_600_000)
    && !all.slice(0, index).some((other) => other.at.getTime() === time.getTime()));
}

async function ensureBox(): Promise<Id | null> {
  const there = snoozedBox();
  if (there) return there.id;
  const [set, boxes] = await request<[SetResponse, GetResponse<Mailbox>]>([
    ['Mailbox/set', { create: { box: { name: SNOOZED_NAME, parentId: null } } }], MAILBOX_CALL,
  ]);
  mailboxes.value = boxes.list;
  return set.created?.box?.id ?? snoozedBox()?.id ?? null;
}

/** Puts letters away until `at`, with the way back. `said`: what the toast says. */
export async function snooze(ids: Id[], at: Date, said: string): Promise<void> {
  if (!isOwn()) return refuse();
  const box = await ensureBox().catch(() => null);
  if (!box) return void tell(t().actFailed, undefined, 'bad');
  const key = `${WAKE}${Math.floor(at.getTime() / 1000)}`;
  return moveTo(ids, box, said, 1, (keywords) => ({ ...settled(keywords), [key]: true }));
}

type Waiting = Pick<EmailRow, 'id' | 'keywords'>;

/** What brings back those that are due. */
export function wakePatches(list: Waiting[], inbox: Id, now: number): Record<Id, Record<string, unknown>> {
  return Object.fromEntries(list.flatMap(({ id, keywords }) => {
    const at = wakeAt(keywords);
    if (at === null || at > now) return [];
    const gone = Object.fromEntries(wakeKeys(keywords).map((key) => [`keywords/${key}`, null]));
    return [[id, { ...gone, mailboxIds: { [inbox]: true }, [`keywords/${WOKEN}`]: true, 'keywords/$seen': null }] as const];
  }));
}

export async function wakeDue(): Promise<void> {
  const [box, inbox] = [snoozedBox(), byRole('inbox')];
  if (!isOwn() || !inbox || !box || box.totalEmails === 0) return;
  let count = 0;
  // All of them first: taking some away would move the others to places already looked at.
  const all: Waiting[] = [];
  for (let page = 0; page < PAGES_MAX; page += 1) {
    const [query, get] = await request<[QueryResponse, GetResponse<Waiting>]>([
      ['Email/query', { filter: { inMailbox: box.id }, position: page * LOOKED_AT_MAX, limit: LOOKED_AT_MAX, sort: [{ property: 'receivedAt' }] }],
      ['Email/get', { '#ids': from(0, 'Email/query', '/ids'), properties: ['keywords'] }],
    ]);
    all.push(...get.list);
    if (query.ids.length < LOOKED_AT_MAX) break;
  }
  const patches = Object.entries(wakePatches(all, inbox.id, Date.now()));
  for (let start = 0; start < patches.length; start += LOOKED_AT_MAX) {
    const [set] = await request<[SetResponse]>([['Email/set', { update: Object.fromEntries(patches.slice(start, start + LOOKED_AT_MAX)) }]]);
    count += Object.keys(set.updated ?? {}).length;
  }
  if (count === 0) return;
  spoken.value = t().woke(count);
  // Nobody did this: it does not take the place of what can be undone.
  if (!toasts.value.some((toast) => toast.action)) tell(t().woke(count));
  syncSoon();
}

/** Looks now and then; what cannot be brought back now is with the next look. */
export function keepWatch(): void {
  const look = () => void wakeDue().catch(() => undefined);
  // The page that came with the document has them in their old places.
  if (isOwn() && snoozedBox()) void list.value?.refresh();
  window.setTimeout(look, FIRST_LOOK_MS);
  window.setInterval(look, LOOK_EVERY_MS);
}
