// The marks of the letters in view: one request for those that were not looked
// at yet. A letter's origin never changes, so each is asked for once.
import { boot } from '../boot';
import { request } from '../jmap/client';
import type { Address, GetResponse, Id } from '../jmap/objects';
import { type Mark, marks } from '../state/marks';
import { type Field, domainOf, judge, markOf } from './judge';

/** Letters asked about at once: what fits a tall screen and its margins. */
const LETTERS_MAX = 50;
/** Letters remembered; a person scrolls through so many in a day. */
const KNOWN_MAX = 5_000;

const RESULTS = 'header:Authentication-Results:asRaw:all';
const RECEIVED = 'header:Received:asRaw:all';

interface Origin {
  id: Id;
  from: Address[] | null;
  replyTo: Address[] | null;
  [RESULTS]: string[] | null;
  [RECEIVED]: string[] | null;
}

let running = false;
/** What came into view meanwhile. */
let next: Id[] | null = null;

/** Asks about those of them that are not known; one question at a time, of several that wait the last. */
export async function follow(ids: Id[]): Promise<void> {
  if (running) {
    next = ids;
    return;
  }
  running = true;
  try {
    for (let now: Id[] | null = ids; now; now = next) {
      next = null;
      await look(now.filter((id) => !marks.value.has(id)).slice(0, LETTERS_MAX));
    }
  } catch {
    // Without a mark a letter still shows what is wrong when it is opened.
  } finally {
    running = false;
  }
}

const fields = (name: string, values: string[] | null): Field[] => (values ?? []).map((value) => ({ name, value }));

/** Only bad news is taken from here: which of the fields stood above the other is not known. */
function markOne(origin: Origin): Mark | null {
  const all = [...fields('Authentication-Results', origin[RESULTS]), ...fields('Received', origin[RECEIVED])];
  return markOf(judge({ from: origin.from, replyTo: origin.replyTo, fields: all }, [domainOf(boot.address)], boot.host));
}

async function look(wanted: Id[]): Promise<void> {
  if (wanted.length === 0) return;
  const [get] = await request<[GetResponse<Origin>]>([
    ['Email/get', { ids: wanted, properties: ['from', 'replyTo', RESULTS, RECEIVED] }],
  ]);
  const found = new Map(get.list.map((one) => [one.id, markOne(one)] as const));
  const fresh = wanted.map((id) => [id, found.get(id) ?? null] as const);
  marks.value = new Map([...marks.value, ...fresh].slice(-KNOWN_MAX));
}
