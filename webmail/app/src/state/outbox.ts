// Letters wait ten seconds in Drafts before they go, so that sending can be
// undone; closing the page or signing out sends them at once. Where the server
// cannot be reached they wait until it answers again; this tab remembers them.
import { effect, signal } from '@preact/signals';
import { boot } from '../boot';
import { type Call, MethodError, Refused, SignedOut, Unreachable, currentSession, own, ownAccountId, reach, request } from '../jmap/client';
import type { EmailRow, GetResponse, Id, SetResponse } from '../jmap/objects';
import { t } from '../ui/i18n';
import { mark } from './acts';
import { ownByRole } from './mailboxes';
import { go } from './route';
import { reached, syncSoon } from './sync';
import { UNDO_MS, dismiss, tell } from './toast';

export interface Outgoing {
  /** The saved draft. */
  draft: Id;
  identity: Id;
  answers: { id: Id; keyword: '$answered' | '$forwarded' } | null;
  from: string;
  to: string[];
  /** RFC 4865: not before then. */
  at: Date | null;
  /** RFC 3461: who sends it is told when it has arrived. */
  receipt: boolean;
}

interface Waiting {
  letter: Outgoing;
  timer: number;
  toast: number;
  /** It was tried, and whether it went is not known. */
  unsure: boolean;
  /** It goes when the person says so only. */
  byHand?: boolean;
}

const waiting = new Map<Id, Waiting>();
/** Those of which the answer is awaited. */
const underway = new Map<Id, { letter: Outgoing; going: Promise<void> }>();
/** Counts up with each letter that begins to wait for the server. */
const rounds = signal(0);

/** What was chosen besides the text of a letter that is opened again: a draft on the server does not hold it. */
const chosen = new Map<Id, Choices>();

export type Choices = Pick<Outgoing, 'at' | 'receipt' | 'answers'>;

/** Once: what was chosen for this draft when it was to be sent. */
export function takeChosen(id: Id): Choices | undefined {
  const found = chosen.get(id);
  chosen.delete(id);
  return found;
}

/** Opens a draft that was to be sent for editing, as it was. */
export function reopen(id: Id, choices: Choices): void {
  chosen.set(id, choices);
  go({ at: 'compose', mode: 'draft', of: id, to: '' });
}

/** This tab only, over a reload and a new sign-in; `leave.ts` clears it. */
const KEPT = 'congvu.waiting';

/** Letters that would not go if the page went away now. */
export const stuck = () => [...waiting.values()].filter((held) => held.unsure).length;

/** Notes which letters were tried and are not known to have gone. */
function note(): void {
  const letters = [...[...waiting.values()].filter((held) => held.unsure), ...underway.values()].map(({ letter }) => letter);
  try {
    if (letters.length > 0) sessionStorage.setItem(KEPT, JSON.stringify({ who: boot.address, letters }));
    else sessionStorage.removeItem(KEPT);
  } catch {
    // Full or forbidden: they are in Drafts.
  }
}

function kept(): Outgoing[] {
  try {
    const all = JSON.parse(sessionStorage.getItem(KEPT) ?? 'null') as { who: string; letters: Outgoing[] } | null;
    return all?.who === boot.address ? all.letters : [];
  } catch {
    // Broken: as good as none.
    return [];
  }
}

/** Letters that waited when the page was loaded anew: they go, or are opened, when the person says so. */
export async function offerWaiting(): Promise<void> {
  for (const { at, ...letter } of kept()) {
    if ((await hasGone(letter.draft).catch(() => false)) !== false) continue;
    hold({ ...letter, at: at && new Date(at) }, t().sendLeft, { label: t().sendNow, run: () => void deliver(letter.draft) });
  }
  note();
}

/** RFC 8621 §1.3.2 maxDelayedSend of our server, where it does not say. */
const DELAY_S = 30 * 86_400;

/** How long a letter may wait, in milliseconds. */
export function delayMax(): number {
  const said = currentSession().accounts[ownAccountId()]?.accountCapabilities?.['urn:ietf:params:jmap:submission']?.maxDelayedSend;
  return (typeof said === 'number' ? said : DELAY_S) * 1000;
}

const seconds = (at: Date) => String(Math.max(1, Math.round((at.getTime() - Date.now()) / 1000)));

/** RFC 8621 §7 envelope, where more is to be said than whom it is from and for. */
function envelope({ at, receipt, from, to }: Outgoing): object | undefined {
  if (!at && !receipt) return undefined;
  const notify = receipt ? { NOTIFY: 'SUCCESS,FAILURE,DELAY' } : null;
  return {
    mailFrom: { email: from, parameters: at ? { HOLDFOR: seconds(at) } : null },
    rcptTo: to.map((email) => ({ email, parameters: notify })),
  };
}

/** RFC 8621 §7.5: once submitted, the draft becomes the copy in Sent. */
export function submission(letter: Outgoing): Call {
  const sent = ownByRole('sent')?.id;
  const drafts = ownByRole('drafts')?.id;
  const patch: Record<string, unknown> = { 'keywords/$draft': null, 'keywords/$seen': true };
  if (sent) {
    patch[`mailboxIds/${sent}`] = true;
    if (drafts && drafts !== sent) patch[`mailboxIds/${drafts}`] = null;
  }
  const said = envelope(letter);
  return ['EmailSubmission/set', own({
    create: { send: { identityId: letter.identity, emailId: letter.draft, ...(said ? { envelope: said } : {}) } },
    onSuccessUpdateEmail: { '#send': patch },
  })];
}

/** `when`: how the time is said, of a letter that is to go later. */
export function sendLater(letter: Outgoing, when?: string): void {
  const undo = () => {
    if (!waiting.has(letter.draft)) return;
    void holdBack(letter.draft);
    reopen(letter.draft, letter);
    tell(t().sendStopped);
  };
  const toast = tell(when ? t().sendingAt(when) : t().sendingIn, { label: t().undo, run: undo }, 'plain',
    { label: when ? t().sendSure : t().sendNow, run: () => void deliver(letter.draft) });
  const timer = window.setTimeout(() => void deliver(letter.draft), UNDO_MS);
  waiting.set(letter.draft, { letter, timer, toast, unsure: false });
}

/** Whether a letter whose sending got no answer went all the same: then it is no draft any more. Null: it is not there. */
async function hasGone(id: Id): Promise<boolean | null> {
  const [get] = await request<[GetResponse<Pick<EmailRow, 'id' | 'keywords'>>]>([['Email/get', own({ ids: [id], properties: ['keywords'] })]]);
  const found = get.list[0];
  return found ? found.keywords.$draft !== true : null;
}

function deliver(id: Id, leaving = false): Promise<void> {
  const held = waiting.get(id);
  if (!held) return underway.get(id)?.going ?? Promise.resolve();
  window.clearTimeout(held.timer);
  waiting.delete(id);
  dismiss(held.toast);
  const going = submit(held, leaving).finally(() => {
    underway.delete(id);
    note();
  });
  underway.set(id, { letter: held.letter, going });
  note();
  return going;
}

async function submit(held: Waiting, leaving: boolean): Promise<void> {
  const id = held.letter.draft;
  const edit = { label: t().editDraft, run: () => reopen(id, held.letter) };
  try {
    if (!held.unsure || !(await hasGone(id))) {
      const [set] = await request<[SetResponse]>([submission(held.letter)], leaving);
      const refused = set.notCreated?.send;
      if (refused) {
        tell(t().sendRefused(refused.description ?? refused.type), edit, 'bad');
        return;
      }
    }
    tell(held.letter.at ? t().scheduled : t().sent);
    const { answers } = held.letter;
    if (answers && !leaving) void mark([answers.id], answers.keyword, true);
    syncSoon();
  } catch (error) {
    // What was said no to as a whole was not sent; an unsure one may have been before.
    const isSafe = !held.unsure && !(error instanceof SignedOut);
    if (error instanceof MethodError || (error instanceof Refused && isSafe)) tell(t().sendFailed, edit, 'bad');
    else if (error instanceof Refused) hold(held.letter, t().sendLeft, { label: t().sendNow, run: () => void deliver(id) });
    else if (error instanceof Unreachable) hold(held.letter, t().sendWaits);
    else throw error;
  }
}

/** Kept until the server answers again, or `now` is pressed. The letter is in Drafts meanwhile. */
function hold(letter: Outgoing, text: string, now?: { label: string; run: () => void }): void {
  const id = letter.draft;
  const edit = () => { void holdBack(id); reopen(id, letter); };
  const toast = tell(text, { label: t().editDraft, run: edit }, 'plain', now, true);
  waiting.set(id, { letter, toast, unsure: true, byHand: now !== undefined, timer: 0 });
  rounds.value += 1;
}

effect(() => {
  // Also where the server answered something else while this was failing.
  void rounds.value;
  if (!reached.value) return;
  queueMicrotask(() => { for (const [id, held] of waiting) if (held.unsure && !held.byHand) void deliver(id); });
});

/** Sends all that waits, at once. */
export async function flush(): Promise<void> {
  const all = [...waiting].filter(([, held]) => !held.byHand).map(([id]) => deliver(id));
  await Promise.all([...all, ...[...underway.values()].map(({ going }) => going)]);
}

/** Keeps a draft from going: it is being opened for editing. Of one that is under way the answer is awaited. */
export async function holdBack(id: Id): Promise<void> {
  for (let round = 0; round < 2; round += 1) {
    const held = waiting.get(id);
    if (held) {
      window.clearTimeout(held.timer);
      waiting.delete(id);
      dismiss(held.toast);
      note();
    }
    await underway.get(id)?.going;
  }
}

window.addEventListener('beforeunload', (event) => { if (stuck() > 0 && !reach.signedOut) event.preventDefault(); });
window.addEventListener('pagehide', () => {
  for (const [id, { unsure }] of waiting) if (!unsure) void deliver(id, true);
});
