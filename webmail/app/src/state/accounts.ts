// Whose mail there is to see: one's own and what others share (RFC 9670 §1.4),
// with their names, and how much is unread in each.
import { computed, signal } from '@preact/signals';
import { boot } from '../boot';
import {
  type Call, MethodError, accountId, currentSession, fetchSession, isOwn, limit, own, ownAccountId, reach, request, settle,
  useSession,
} from '../jmap/client';
import type { GetResponse, Id, Mailbox, Principal, SetResponse, ShareNotification } from '../jmap/objects';
import { nfc } from '../ui/format';
import { forgetAll } from './emails';
import { QUIET_ROLES, mailboxes, ownMailboxes } from './mailboxes';
import { dropAll } from './view';

const OWNER = 'urn:ietf:params:jmap:principals:owner';
/** RFC 8620 §2 maxCallsInRequest is at least this with us. */
const CALLS_MAX = 16;
/** Counts follow a change this much later: many letters make one question. */
const COUNT_AFTER_MS = 1_000;

export interface Owner {
  id: Id;
  /** As people write it: `Trần Thị Bình`, `Văn thư Sở Nội vụ`. */
  name: string;
  /** The position, where the directory knows it. */
  title: string | null;
  address: string;
  /** A seat or an office, not a person. */
  isOffice: boolean;
}

const names = signal<ReadonlyMap<Id, Principal>>(new Map());
const counts = signal<ReadonlyMap<Id, number>>(new Map());

/** True once the server said that this page's account is not there for this person any more. */
export const lost = signal(false);

const principalOf = (id: Id) => currentSession().accounts[id]?.accountCapabilities?.[OWNER]?.principalId as Id | undefined;

function ownerOf(id: Id): Owner {
  const found = names.value.get(principalOf(id) ?? '');
  const address = found?.email ?? currentSession().accounts[id]?.name ?? '';
  return { id, name: nfc(found?.name) || address, title: nfc(found?.description) || null, address, isOffice: found?.type === 'group' };
}

/** Others' accounts of which something is shared, by name in Vietnamese order. */
export const sharedAccounts = computed<Owner[]>(() => {
  const order = new Intl.Collator('vi', { numeric: true });
  const shared = Object.entries(currentSession().accounts).filter(([, account]) => !account.isPersonal);
  return shared.map(([id]) => ownerOf(id)).sort((a, b) => order.compare(a.name, b.name) || order.compare(a.address, b.address));
});

/** Whose mail this page shows; null on the page of one's own, and once there is nothing to show any more. */
export const viewedOwner = computed<Owner | null>(() => (isOwn() || lost.value ? null : ownerOf(accountId())));

/** The address of an account's page: each is a page of its own, so that nothing of one stays in another. */
export const linkTo = (id: Id) =>
  (id === ownAccountId() ? location.pathname : `${location.pathname}?account=${encodeURIComponent(id)}`);

/** What is unread: of the inbox, or where none is shared, of all that is not put away. */
export function unreadIn(boxes: Pick<Mailbox, 'role' | 'unreadEmails'>[]): number {
  const inbox = boxes.find((box) => box.role === 'inbox');
  if (inbox) return inbox.unreadEmails;
  return boxes.reduce((sum, box) => sum + (QUIET_ROLES.includes(box.role ?? '') ? 0 : box.unreadEmails), 0);
}

export const unreadOf = (id: Id) => (id === accountId() ? unreadIn(mailboxes.value) : (counts.value.get(id) ?? 0));

export function meetPrincipals(list: Principal[]): void {
  names.value = new Map([...names.value, ...list.map((one) => [one.id, one] as const)]);
}

/** Asks for the names that are not known yet. */
async function learn(): Promise<void> {
  const ids = Object.keys(currentSession().accounts).filter((id) => id !== ownAccountId()).map(principalOf);
  const unknown = ids.filter((id) => id !== undefined).filter((id) => !names.value.has(id));
  if (unknown.length === 0) return;
  const [get] = await request<[GetResponse<Principal>]>([
    ['Principal/get', own({ ids: unknown.slice(0, limit('maxObjectsInGet', 500)), properties: ['type', 'name', 'description', 'email'] })],
  ]);
  meetPrincipals(get.list);
}

/** What was shared, withdrawn or changed, newest last, until it is dismissed. */
export const news = signal<ShareNotification[]>([]);

export async function dismissNews(id: Id): Promise<void> {
  const before = news.value;
  news.value = before.filter((one) => one.id !== id);
  try {
    await request<[SetResponse]>([['ShareNotification/set', own({ destroy: [id] })]]);
  } catch {
    news.value = before;
  }
}

async function askNews(): Promise<void> {
  const [get] = await settle([['ShareNotification/get', own({ ids: null })]]);
  if (!(get instanceof MethodError)) news.value = (get as GetResponse<ShareNotification>).list;
}

/** Counts what is unread in the accounts that this page does not show; `which`: only these of them. */
async function count(which: readonly Id[] | null): Promise<void> {
  const ids = Object.keys(currentSession().accounts).filter((id) => id !== accountId() && (!which || which.includes(id)));
  const next = new Map(counts.value);
  const size = Math.min(CALLS_MAX, limit('maxCallsInRequest', CALLS_MAX));
  for (let start = 0; start < ids.length; start += size) {
    const part = ids.slice(start, start + size);
    const properties = ['id', 'name', 'role', 'parentId', 'sortOrder', 'totalEmails', 'unreadEmails', 'myRights'];
    const answers = await settle(part.map((id): Call => ['Mailbox/get', { accountId: id, ids: null, properties }]));
    part.forEach((id, at) => {
      const answer = answers[at];
      const list = answer instanceof MethodError ? [] : (answer as GetResponse<Mailbox>).list;
      next.set(id, unreadIn(list));
      if (id === ownAccountId() && list.length > 0) ownMailboxes.value = list;
    });
  }
  counts.value = next;
}

let timer = 0;
let waiting: Set<Id> | null = new Set();

/** Counts soon; null: all of them. */
export function countSoon(accounts: readonly Id[] | null): void {
  waiting = accounts && waiting ? new Set([...waiting, ...accounts]) : null;
  window.clearTimeout(timer);
  timer = window.setTimeout(() => {
    const which = waiting && [...waiting];
    waiting = new Set();
    const isNew = which === null || which.some((id) => !currentSession().accounts[id]);
    (isNew ? meetAnew() : count(which)).catch(() => undefined);
    // One's own account is named when there is news of others'.
    if (!isNew && which.includes(ownAccountId())) askNews().catch(() => undefined);
  }, COUNT_AFTER_MS);
}

/** After the first paint: names and numbers of all. */
export async function meetAccounts(): Promise<void> {
  try {
    await learn();
    await count(null);
    await askNews();
  } catch {
    // The bar at the bottom says that the server is away; the next push asks again.
  }
}

async function meetAnew(): Promise<void> {
  useSession(await fetchSession());
  // Unsubscribed, an account is not in the session and may still be there: it is asked for.
  if (!currentSession().accounts[accountId()]) await settle([['Mailbox/get', { ids: [] }]]);
  await meetAccounts();
}

reach.session = () => { meetAnew().catch(() => undefined); };

/** What was shown of the account goes from the page at once. */
reach.lost = () => {
  if (lost.value) return;
  lost.value = true;
  mailboxes.value = [];
  forgetAll();
  dropAll();
};

if (boot.principals) meetPrincipals(boot.principals);
if (boot.mailboxes) ownMailboxes.value = boot.mailboxes;
