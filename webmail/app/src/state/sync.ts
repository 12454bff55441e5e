// After a push: ask what changed (RFC 8620 §5.2), put it in, redraw.
import { signal } from '@preact/signals';
import { type Call, MethodError, from, reach, request, settle } from '../jmap/client';
import { type ChangesResponse, type Email, type EmailRow, type GetResponse, type Mailbox, ROW_PROPERTIES } from '../jmap/objects';
import { nameOf, nfc } from '../ui/format';
import { t } from '../ui/i18n';
import { lost } from './accounts';
import { forget, has, known, put, rowOf } from './emails';
import { byRole, mailboxes } from './mailboxes';
import { spoken } from './toast';
import { chip, dropOthers, list } from './view';

/** Pushes come in bunches when many letters arrive. */
const GATHER_MS = 250;
const MAILBOX_PROPERTIES = ['id', 'name', 'parentId', 'role', 'sortOrder', 'totalEmails', 'unreadEmails', 'myRights'];

export const MAILBOX_CALL: Call = ['Mailbox/get', { ids: null, properties: MAILBOX_PROPERTIES }];

/** False while the server cannot be reached: judged by its answers only, for browsers err about the network. */
export const reached = signal(true);
/** What the browser thinks of the network; it only words what is said when the server does not answer. */
export const online = signal(navigator.onLine);

/** While it does not answer it is asked again after these times, the last of them over and over. */
const AGAIN_MS = [2_000, 5_000, 10_000, 20_000];
let tries = 0;
let againTimer = 0;

reach.changed = (yes) => {
  window.clearTimeout(againTimer);
  if (yes) {
    tries = 0;
    if (!reached.value) spoken.value = t().backOnline;
  } else {
    againTimer = window.setTimeout(() => void sync(), AGAIN_MS[Math.min(tries, AGAIN_MS.length - 1)]);
    tries += 1;
  }
  reached.value = yes;
};

let timer = 0;
let running = false;
let again = false;

/** Asks soon; many calls make one question. */
export function syncSoon(): void {
  window.clearTimeout(timer);
  timer = window.setTimeout(() => void sync(), GATHER_MS);
}

window.addEventListener('online', () => { online.value = true; syncSoon(); });
// The browser may be wrong: the server is asked.
window.addEventListener('offline', () => { online.value = false; syncSoon(); });

export async function sync(): Promise<void> {
  if (lost.value) return;
  if (running) {
    again = true;
    return;
  }
  running = true;
  try {
    await ask();
  } catch {
    // The bar at the top says that the server is away; the next push or poll asks again.
  } finally {
    running = false;
    if (again) {
      again = false;
      syncSoon();
    }
  }
}

async function ask(): Promise<void> {
  if (known.state === null) {
    const [boxes] = await request<[GetResponse<Mailbox>]>([MAILBOX_CALL]);
    mailboxes.value = boxes.list;
    await list.value?.refresh();
    return;
  }
  const ids = (path: string) => ({ '#ids': from(1, 'Email/changes', path), properties: ROW_PROPERTIES });
  const [boxes, changes, created, updated] = await settle([
    MAILBOX_CALL,
    ['Email/changes', { sinceState: known.state }],
    ['Email/get', ids('/created')],
    ['Email/get', ids('/updated')],
  ]);
  if (lost.value) return;
  if (!(boxes instanceof MethodError)) mailboxes.value = (boxes as GetResponse<Mailbox>).list;
  if (changes instanceof MethodError) {
    // cannotCalculateChanges: begin again from what is shown.
    known.state = null;
    dropOthers();
    await list.value?.refresh();
    return;
  }
  const { newState, hasMoreChanges, ...change } = changes as ChangesResponse;
  known.state = newState;
  if (hasMoreChanges) again = true;
  const fresh = rowsIn(created);
  const touched = rowsIn(updated);
  const moved = change.destroyed.length > 0 || change.created.length > 0 || touched.some(isElsewhere);
  put([...fresh, ...touched]);
  forget(change.destroyed);
  announce(fresh);
  if (moved) dropOthers();
  if (moved || (touched.length > 0 && chip.value !== 'all')) await list.value?.refresh();
}

const rowsIn = (answer: unknown): EmailRow[] =>
  (answer instanceof MethodError ? [] : (answer as GetResponse<Email>).list);

function isElsewhere(row: EmailRow): boolean {
  const before = rowOf(row.id);
  return !before || Object.keys(before.mailboxIds).sort().join() !== Object.keys(row.mailboxIds).sort().join();
}

function announce(fresh: EmailRow[]): void {
  const box = byRole('inbox')?.id;
  const letter = fresh.find((row) => box && row.mailboxIds[box] && !has(row, '$seen'));
  const sender = letter?.from?.[0];
  if (letter) spoken.value = t().newMail(sender ? nameOf(sender) : t().noSender, nfc(letter.subject) || t().noSubject);
}
