// The states of the letters that the list of Sent shows: two requests for what
// is in view, none while nothing new comes into it.
import { request } from '../jmap/client';
import type { Address, GetResponse, Id } from '../jmap/objects';
import { rest } from '../jmap/rest';
import { type Whereabouts, whereabouts } from '../state/whereabouts';
import { type Item, around } from './objects';
import { isArrived } from './story';

/** Letters asked about at once. */
const LETTERS_MAX = 50;
/** Acceptances read for them: others of the same days are among these. */
const ITEMS_MAX = 200;

interface Sent {
  id: Id;
  messageId: string[] | null;
  receivedAt: string;
  from: Address[] | null;
  sender: Address[] | null;
}

/** Asked for already, and arrived: that does not change any more. */
const settled = new Set<Id>();
let running = false;
/** What came into view meanwhile. */
let next: Id[] | null = null;

type Stands = Pick<Item, 'state' | 'failed' | 'recipients'>;

export const kindOf = ({ state, failed, recipients }: Stands): Whereabouts => ({
  state: isArrived(state) ? 'arrived' : state === 'failed' ? 'failed' : 'waiting', failed, of: recipients.length,
});

const bare = (id: string) => id.trim().replace(/^<|>$/g, '');

/** The worst of what is known of each letter; its newest acceptance counts. */
export function match(letters: Pick<Sent, 'id' | 'messageId'>[], items: (Stands & Pick<Item, 'message_id' | 'origin'>)[]): Map<Id, Whereabouts> {
  const known = new Map<string, Whereabouts>();
  for (const one of items) {
    const { message_id: id, origin } = one;
    if (id && origin.kind === 'submitted' && !known.has(bare(id))) known.set(bare(id), kindOf(one));
  }
  return new Map(letters.flatMap(({ id, messageId }) => {
    const found = known.get(bare(messageId?.[0] ?? ''));
    return found ? [[id, found] as const] : [];
  }));
}

/** By whose addresses they went: a seat's letters name it, and who wrote for another is in Sender. */
const writers = (letters: Sent[]) =>
  new Set(letters.flatMap((one) => [one.sender?.[0]?.email, one.from?.[0]?.email]).filter((email) => email !== undefined));

/** Asks about those of them that may still change; one question at a time, of several that wait the last. */
export async function follow(ids: Id[]): Promise<void> {
  if (running) {
    next = ids;
    return;
  }
  running = true;
  for (let now: Id[] | null = ids; now; now = next) {
    next = null;
    await ask(now.filter((id) => !settled.has(id)).slice(0, LETTERS_MAX));
  }
  running = false;
}

async function ask(wanted: Id[]): Promise<void> {
  if (wanted.length === 0) return;
  // What could not be told now is asked when the list is opened anew.
  for (const id of wanted) settled.add(id);
  try {
    const [get] = await request<[GetResponse<Sent>]>([
      ['Email/get', { ids: wanted, properties: ['messageId', 'receivedAt', 'from', 'sender'] }],
    ]);
    const times = get.list.map((one) => Date.parse(one.receivedAt));
    if (times.length === 0) return;
    const items: Item[] = [];
    for (const sender of writers(get.list)) {
      const query = new URLSearchParams({ mine: 'true', sender, limit: String(ITEMS_MAX), ...around(Math.min(...times), Math.max(...times)) });
      items.push(...(await rest<{ items: Item[] }>(`trace?${query}`)).items);
    }
    whereabouts.value = new Map([...whereabouts.value, ...match(get.list, items)]);
  } catch {
    for (const id of wanted) settled.delete(id);
  }
}

/** The list was left: what waited then is asked for anew when it is opened again. */
export function forget(): void {
  for (const [id, { state }] of whereabouts.value) if (state === 'waiting') settled.delete(id);
}
