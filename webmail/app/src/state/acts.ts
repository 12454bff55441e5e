// What a person does to messages: shown at once, sent as one request, taken
// back with a word when the server refuses, undone for ten seconds.
import { MethodError, accountId, from, isOwn, limit, own, request } from '../jmap/client';
import type { EmailRow, GetResponse, Id, QueryResponse, SetResponse } from '../jmap/objects';
import { t } from '../ui/i18n';
import { alter, forget, has, known, rowOf } from './emails';
import { adjust, byId, byRole, may, nameOfBox, ownByRole } from './mailboxes';
import { type Patches, queued, serve, submit } from './queue';
import { go, openId, withOpen } from './route';
import { syncSoon } from './sync';
import { begin, end, tell } from './toast';
import { boxId, cursor, dropFiltered, dropOthers, list, pick, picked } from './view';

type Patch = Record<string, unknown>;

/** RFC 8620 §2 maxObjectsInSet is at least this in practice. */
const SET_MAX = 200;
const DESTROY_PAGE = 200;

/** One patch an email; throws with the first refusal. Where the server is away it waits. */
async function send(patches: Patches): Promise<void> {
  const entries = [...patches];
  const size = Math.min(SET_MAX, limit('maxObjectsInSet', SET_MAX));
  for (let start = 0; start < entries.length; start += size) {
    const part = Object.fromEntries(entries.slice(start, start + size));
    const [set] = await request<[SetResponse & { oldState?: string }]>([['Email/set', { update: part }]]);
    // Our own change is known already and need not be asked for.
    if (set.oldState && set.oldState === known.state && set.newState) known.state = set.newState;
    const refused = Object.values(set.notUpdated ?? {})[0];
    if (refused) throw new MethodError(refused.type);
  }
  syncSoon();
}

const update = (patches: Patches) => submit(patches);

/** One sentence that says why nothing was done: the rights may have changed since they were asked for. */
const reason = (error: unknown) =>
  (error instanceof MethodError && ['forbidden', 'accountReadOnly'].includes(error.type) ? t().noRight : t().actFailed);

const failed = (error: unknown) => {
  tell(reason(error), undefined, 'bad');
  syncSoon();
};

// What was refused later is shown as the server has it.
serve(send, (error) => {
  failed(error);
  known.state = null;
}, () => elsewhere(null));

export const refuse = () => void tell(t().noRight, undefined, 'bad');

/** Whether something may be done in every mailbox that the message is in. */
const mayIn = (right: string) => (id: Id) => {
  const row = rowOf(id);
  return row ? Object.keys(row.mailboxIds).every((box) => may(byId(box), right)) : isOwn();
};

const takes = (role: string) => may(byRole(role), 'mayAddItems');

/** What may be done with these messages: nothing is offered that the server would refuse (RFC 8621 §2 myRights). */
export function offers(ids: Id[]) {
  const leaves = ids.every(mayIn('mayRemoveItems'));
  return {
    seen: ids.every(mayIn('maySetSeen')),
    flag: ids.every(mayIn('maySetKeywords')),
    /** Some other mailbox may take them. */
    move: leaves,
    archive: leaves && takes('archive'),
    junk: leaves && takes('junk'),
    inbox: leaves && takes('inbox'),
    remove: leaves ? removal() : null,
  };
}

/** How Delete works here: into the bin, or for ever in the bin and where there is none to put things into. */
const removal = (): 'trash' | 'destroy' => (!inTrash() && takes('trash') ? 'trash' : 'destroy');

/** Says that rights are missing; true when they are. */
function isRefused(ids: Id[], right: string, to?: Id): boolean {
  if (ids.every(mayIn(right)) && (!to || may(byId(to), 'mayAddItems'))) return false;
  refuse();
  return true;
}

/** The messages an act is about: those picked, else the open one, else the one under the cursor. */
export function subjects(): Id[] {
  if (picked.value.size > 0) return [...picked.value];
  const one = openId.value ?? list.value?.at(cursor.value);
  return one ? [one] : [];
}

/** Sets or clears a keyword. `quiet` leaves out the toast; `back`: what else is to be done where it is undone. */
export async function mark(ids: Id[], keyword: string, on: boolean, quiet = true, back?: () => void): Promise<void> {
  const right = keyword === '$seen' ? 'maySetSeen' : 'maySetKeywords';
  const changed = ids.filter((id) => has(rowOf(id), keyword) !== on);
  if (changed.length === 0) return;
  // Opening a letter must not complain that it cannot be marked as read.
  if (!changed.every(mayIn(right))) {
    if (!quiet || keyword === '$flagged') refuse();
    return;
  }
  const apply = (value: boolean) => {
    for (const id of changed) {
      const row = rowOf(id);
      if (!row) continue;
      const keywords = { ...row.keywords };
      if (value) keywords[keyword] = true;
      else delete keywords[keyword];
      alter(id, { keywords });
      if (keyword === '$seen') for (const box of Object.keys(row.mailboxIds)) adjust(box, 0, value ? -1 : 1);
    }
  };
  apply(on);
  if (!quiet) begin();
  try {
    await update(new Map(changed.map((id) => [id, { [`keywords/${keyword}`]: on || null }])));
    if (queued.value === 0) dropFiltered();
    // It stands above the others, or no longer does.
    if (keyword === 'woken' && queued.value === 0) void list.value?.refresh();
    if (!quiet) tell(marked(keyword, on, changed.length), { label: t().undo, run: () => { void mark(changed, keyword, !on); back?.(); } });
  } catch (error) {
    apply(!on);
    failed(error);
  } finally {
    if (!quiet) end();
  }
}

/** What a mark is called once it is set or gone. */
function marked(keyword: string, on: boolean, n: number): string {
  const labels: Record<string, string> = t().labels;
  const label = labels[keyword];
  if (label) return on ? t().labelled(label, n) : t().unlabelled(label, n);
  switch (keyword) {
    case '$seen': return on ? t().markedRead(n) : t().markedUnread(n);
    case '$flagged': return on ? t().markedFlag(n) : t().markedNoFlag(n);
    case 'handled': return on ? t().markedHandled(n) : t().markedUnhandled(n);
    case 'woken': return on ? t().marked(n) : t().unpinned;
    default: return t().marked(n);
  }
}

/** Opens the neighbour of what is about to leave the list, or closes the reader on one-pane screens. */
function stepAside(gone: Set<Id>, towards: 1 | -1): void {
  const open = openId.value;
  if (!open || !gone.has(open)) return;
  const rows = list.value;
  if (!rows || window.matchMedia('(max-width: 899px)').matches) {
    go(withOpen(null), true);
    return;
  }
  const at = rows.indexOf(open);
  const beside = (step: 1 | -1) => {
    for (let index = at + step; index >= 0; index += step) {
      const id = rows.at(index);
      if (id === undefined) return undefined;
      if (!gone.has(id)) return id;
    }
    return undefined;
  };
  go(withOpen(beside(towards) ?? beside(towards === 1 ? -1 : 1) ?? null), true);
}

type Keywords = EmailRow['keywords'];

/** What a letter loses when it leaves the inbox's top: it was brought back there (`state/snooze.ts`). */
export const settled = (keywords: Keywords): Keywords =>
  Object.fromEntries(Object.entries(keywords).filter(([key]) => key !== 'woken' && !key.startsWith('wake-')));

/** Our own acts are not told to us again: other lists than the one acted in are asked for anew. */
function elsewhere(shown: typeof list.value): void {
  // While the server is away, what is known of them is better than nothing.
  if (queued.value > 0) return;
  dropOthers();
  if (list.value !== shown) void list.value?.refresh();
}

/** Moves messages to one mailbox, with undo. `rekey`: their keywords there. */
export async function moveTo(
  ids: Id[], to: Id, said: string, towards: 1 | -1 = 1, rekey: (keywords: Keywords) => Keywords = settled,
): Promise<void> {
  const before = new Map(ids.flatMap((id) => {
    const row = rowOf(id);
    // What lies there already may still change its keywords: put off to another time.
    const stays = row?.mailboxIds[to] && Object.keys(changes(row.keywords, rekey(row.keywords))).length === 0;
    return row && !stays && (!row.mailboxIds[to] || rekey !== settled) ? [[id, row] as const] : [];
  }));
  if (before.size === 0) return;
  if (isRefused([...before.keys()], 'mayRemoveItems', to)) return;
  const gone = new Set(before.keys());
  const shown = list.value;
  const leaves = boxId.value !== null && boxId.value !== to;
  if (leaves) stepAside(gone, towards);
  const taken = leaves ? (shown?.remove(gone) ?? []) : [];
  pick([]);
  const shift = (back: boolean) => {
    for (const [id, row] of before) {
      const unread = has(row, '$seen') ? 0 : 1;
      const sign = back ? -1 : 1;
      for (const box of Object.keys(row.mailboxIds)) adjust(box, -sign, -sign * unread);
      adjust(to, sign, sign * unread);
      alter(id, back ? { mailboxIds: row.mailboxIds, keywords: row.keywords } : { mailboxIds: { [to]: true }, keywords: rekey(row.keywords) });
    }
    if (back) shown?.restore(taken);
  };
  shift(false);
  begin();
  const undo = () => {
    shift(true);
    update(new Map([...before].map(([id, row]) => [id, { mailboxIds: row.mailboxIds, ...changes(rekey(row.keywords), row.keywords) }])))
      .then(() => { elsewhere(shown); tell(t().undone); }, failed);
  };
  try {
    await update(new Map([...before].map(([id, row]) => [id, { mailboxIds: { [to]: true }, ...changes(row.keywords, rekey(row.keywords)) }])));
    elsewhere(shown);
    // Where one may put letters but not take them out again, there is no way back.
    const back = may(byId(to), 'mayRemoveItems') && [...before.values()].every((row) =>
      Object.keys(row.mailboxIds).every((box) => may(byId(box), 'mayAddItems')));
    tell(said, back ? { label: t().undo, run: undo } : undefined);
  } catch (error) {
    shift(true);
    failed(error);
  } finally {
    end();
  }
}

/** The patch that makes these keywords of those; nothing where they are the same. */
function changes(now: Keywords, then: Keywords): Patch {
  const gone = Object.keys(now).filter((key) => !then[key]).map((key) => [`keywords/${key}`, null] as const);
  const fresh = Object.keys(then).filter((key) => !now[key]).map((key) => [`keywords/${key}`, true] as const);
  return Object.fromEntries([...gone, ...fresh]);
}

function toRole(role: string, ids: Id[], said: (n: number) => string, towards: 1 | -1): Promise<void> {
  const box = byRole(role);
  if (box) return moveTo(ids, box.id, said(ids.length), towards);
  tell(t().noMailbox, undefined, 'bad');
  return Promise.resolve();
}

export const archive = (ids: Id[], towards: 1 | -1 = 1) => toRole('archive', ids, t().archived, towards);
export const junk = (ids: Id[]) => toRole('junk', ids, t().junked, 1);
export const unjunk = (ids: Id[]) => toRole('inbox', ids, t().unjunked, 1);
export const trash = (ids: Id[]) => toRole('trash', ids, t().trashed, 1);

export const moveToBox = (ids: Id[], to: Id) => moveTo(ids, to, t().moved(ids.length, nameOfBox(byId(to))));

/** In the bin, Delete means for ever and asks first. */
export const inTrash = () => byId(boxId.value)?.role === 'trash';
export const inJunk = () => byId(boxId.value)?.role === 'junk';

export async function destroy(ids: Id[]): Promise<void> {
  if (isRefused(ids, 'mayRemoveItems')) return;
  const gone = new Set(ids);
  stepAside(gone, 1);
  const shown = list.value;
  const taken = shown?.remove(gone) ?? [];
  pick([]);
  begin();
  try {
    const [set] = await request<[SetResponse]>([['Email/set', { destroy: ids }]]);
    const refused = Object.values(set.notDestroyed ?? {})[0];
    if (refused) throw new MethodError(refused.type);
    forget(ids);
    tell(t().destroyed(ids.length));
    syncSoon();
  } catch (error) {
    shown?.restore(taken);
    failed(error);
  } finally {
    end();
  }
}

/** RFC 8621 §4.7: a copy of another's letters in one's own inbox. */
export async function copyToOwn(ids: Id[]): Promise<void> {
  const inbox = ownByRole('inbox')?.id;
  if (!inbox) return void tell(t().noMailbox, undefined, 'bad');
  begin();
  try {
    const create = Object.fromEntries(ids.map((id, at) => [`c${at}`, { id, mailboxIds: { [inbox]: true } }]));
    const [copy] = await request<[SetResponse]>([['Email/copy', own({ fromAccountId: accountId(), create })]]);
    const refused = Object.values(copy.notCreated ?? {})[0];
    if (refused) throw new MethodError(refused.type);
    const made = Object.values(copy.created ?? {}).map((one) => one.id);
    const undo = () => void request([['Email/set', own({ destroy: made })]]).then(() => tell(t().undone), failed);
    tell(t().copied(ids.length), { label: t().undo, run: undo });
  } catch (error) {
    tell(reason(error), undefined, 'bad');
  } finally {
    end();
  }
}

/** Destroys everything in a mailbox, a page at a time; each page is one request. */
export async function empty(box: Id): Promise<void> {
  go(withOpen(null), true);
  let total = 0;
  try {
    for (;;) {
      const [query, set] = await request<[QueryResponse, SetResponse & GetResponse<unknown>]>([
        ['Email/query', { filter: { inMailbox: box }, limit: DESTROY_PAGE }],
        ['Email/set', { '#destroy': from(0, 'Email/query', '/ids') }],
      ]);
      const destroyed = set.destroyed?.length ?? 0;
      total += destroyed;
      if (destroyed === 0 || query.ids.length < DESTROY_PAGE) break;
    }
    tell(t().destroyed(total));
  } catch (error) {
    failed(error);
  }
  await list.value?.refresh();
  syncSoon();
}
