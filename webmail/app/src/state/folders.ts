// Folders that a person makes, renames, moves and deletes (RFC 8621 §2.5).
import { from, request } from '../jmap/client';
import type { EmailRow, GetResponse, Id, Mailbox, SetError, SetResponse } from '../jmap/objects';
import { t } from '../ui/i18n';
import { byId, byRole, mailboxes, nameOfBox } from './mailboxes';
import { go } from './route';
import { MAILBOX_CALL, syncSoon } from './sync';
import { tell } from './toast';
import { boxId, drawer } from './view';

/** Names that stand for folders with a role: another one of that name would be taken for it. */
const isTaken = (name: string, parentId: Id | null, self: Id | null) => mailboxes.value.some((box) =>
  box.id !== self && box.parentId === parentId && [box.name, nameOfBox(box)].some((one) => one.toLocaleLowerCase('vi') === name.toLocaleLowerCase('vi')));

const why = (error: SetError | undefined) =>
  (error?.type === 'forbidden' ? t().noRight : error?.type === 'invalidProperties' ? t().folderBadName : t().actFailed);

async function set(args: Record<string, unknown>): Promise<SetResponse> {
  const [answer, boxes] = await request<[SetResponse, GetResponse<Mailbox>]>([['Mailbox/set', args], MAILBOX_CALL]);
  mailboxes.value = boxes.list;
  return answer;
}

/** Makes a folder; gives why not, or null. */
export async function make(name: string, parentId: Id | null): Promise<string | null> {
  if (isTaken(name, parentId, null)) return t().folderThere(name);
  try {
    const answer = await set({ create: { box: { name, parentId } } });
    const made = answer.created?.box;
    if (!made) return why(answer.notCreated?.box);
    tell(t().folderMade(name));
    drawer.value = false;
    go({ at: 'box', box: made.id, open: null });
    return null;
  } catch {
    return t().actFailed;
  }
}

/** Renames it, with the way back; gives why not, or null. */
export async function rename(id: Id, name: string): Promise<string | null> {
  const box = byId(id);
  if (!box || box.name === name) return null;
  if (isTaken(name, box.parentId, id)) return t().folderThere(name);
  try {
    const answer = await set({ update: { [id]: { name } } });
    const refused = answer.notUpdated?.[id];
    if (refused) return why(refused);
    tell(t().folderRenamed(name), { label: t().undo, run: () => void rename(id, box.name) });
    return null;
  } catch {
    return t().actFailed;
  }
}

/** Whether others lie in it. */
export const hasFolders = (id: Id) => mailboxes.value.some((box) => box.parentId === id);

/** Letters moved in one request. */
const MOVED_AT_ONCE = 200;

/** Deletes a folder; what lies only in it goes to the bin first, so nothing is lost that the bin does not hold. */
export async function remove(id: Id): Promise<void> {
  const bin = byRole('trash')?.id;
  const name = nameOfBox(byId(id));
  if (!bin || hasFolders(id)) return void tell(t().actFailed, undefined, 'bad');
  try {
    for (;;) {
      const [, get] = await request<[unknown, GetResponse<Pick<EmailRow, 'id' | 'mailboxIds'>>]>([
        ['Email/query', { filter: { inMailbox: id }, limit: MOVED_AT_ONCE }],
        ['Email/get', { '#ids': from(0, 'Email/query', '/ids'), properties: ['mailboxIds'] }],
      ]);
      if (get.list.length === 0) break;
      // What lies elsewhere as well stays there, and is not for the bin.
      const update = Object.fromEntries(get.list.map(({ id: email, mailboxIds }) =>
        [email, { [`mailboxIds/${id}`]: null, ...(Object.keys(mailboxIds).length === 1 ? { [`mailboxIds/${bin}`]: true } : {}) }]));
      const [moved] = await request<[SetResponse]>([['Email/set', { update }]]);
      if (Object.keys(moved.notUpdated ?? {}).length > 0) throw new Error('refused');
    }
    const here = boxId.value === id;
    const answer = await set({ destroy: [id] });
    if (answer.notDestroyed?.[id]) throw new Error('refused');
    if (here) go({ at: 'box', box: null, open: null });
    tell(t().folderGone(name));
  } catch {
    tell(t().actFailed, undefined, 'bad');
  }
  syncSoon();
}
