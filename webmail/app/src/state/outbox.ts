// Letters wait ten seconds in Drafts before they go, so that sending can be
// undone; closing the page or signing out sends them at once. Where the server
// cannot be reached they wait until it answers again.
import { effect } from '@preact/signals';
import { type Call, MethodError, Unreachable, own, request } from '../jmap/client';
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
  answers: { id: Id; keyword: string } | null;
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
}

const waiting = new Map<Id, Waiting>();

const reopen = (id: Id) => go({ at: 'compose', mode: 'draft', of: id, to: '' });

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
    holdBack(letter.draft);
    reopen(letter.draft);
    tell(t().sendStopped);
  };
  const toast = tell(when ? t().sendingAt(when) : t().sendingIn, { label: t().undo, run: undo }, 'plain',
    { label: when ? t().sendSure : t().sendNow, run: () => void deliver(letter.draft) });
  const timer = window.setTimeout(() => void deliver(letter.draft), UNDO_MS);
  waiting.set(letter.draft, { letter, timer, toast, unsure: false });
}

/** Whether a letter whose sending got no answer went all the same: then it is no draft any more. */
async function hasGone(id: Id): Promise<boolean> {
  const [get] = await request<[GetResponse<Pick<EmailRow, 'id' | 'keywords'>>]>([['Email/get', own({ ids: [id], properties: ['keywords'] })]]);
  const found = get.list[0];
  return found !== undefined && found.keywords.$draft !== true;
}

async function deliver(id: Id, leaving = false): Promise<void> {
  const held = waiting.get(id);
  if (!held) return;
  window.clearTimeout(held.timer);
  waiting.delete(id);
  dismiss(held.toast);
  try {
    if (!held.unsure || !(await hasGone(id))) {
      const [set] = await request<[SetResponse]>([submission(held.letter)], leaving);
      const refused = set.notCreated?.send;
      if (refused) {
        tell(t().sendRefused(refused.description ?? refused.type), { label: t().editDraft, run: () => reopen(id) }, 'bad');
        return;
      }
    }
    tell(held.letter.at ? t().scheduled : t().sent);
    const { answers } = held.letter;
    if (answers && !leaving) void mark([answers.id], answers.keyword, true);
    syncSoon();
  } catch (error) {
    if (error instanceof MethodError) tell(t().sendFailed, { label: t().editDraft, run: () => reopen(id) }, 'bad');
    else if (error instanceof Unreachable) waitForServer(held);
    else throw error;
  }
}

/** Kept until the server answers again; nothing is lost if the page is closed: the letter is in Drafts. */
function waitForServer(held: Waiting): void {
  const id = held.letter.draft;
  const toast = tell(t().sendWaits, { label: t().editDraft, run: () => { holdBack(id); reopen(id); } });
  waiting.set(id, { ...held, toast, unsure: true, timer: 0 });
}

effect(() => {
  if (!reached.value) return;
  for (const [id, { unsure }] of waiting) if (unsure) void deliver(id);
});

/** Sends all that waits, at once. */
export async function flush(): Promise<void> {
  await Promise.all([...waiting.keys()].map((id) => deliver(id)));
}

/** Keeps a draft from going: it is being opened for editing. */
export function holdBack(id: Id): void {
  const held = waiting.get(id);
  if (!held) return;
  window.clearTimeout(held.timer);
  waiting.delete(id);
  dismiss(held.toast);
}

window.addEventListener('pagehide', () => {
  for (const [id, { unsure }] of waiting) if (!unsure) void deliver(id, true);
});
