// Letters wait ten seconds in Drafts before they go, so that sending can be
// undone; closing the page or signing out sends them at once.
import { type Call, own, request } from '../jmap/client';
import type { Id, SetResponse } from '../jmap/objects';
import { t } from '../ui/i18n';
import { mark } from './acts';
import { ownByRole } from './mailboxes';
import { go } from './route';
import { syncSoon } from './sync';
import { UNDO_MS, dismiss, tell } from './toast';

export interface Outgoing {
  /** The saved draft. */
  draft: Id;
  identity: Id;
  answers: { id: Id; keyword: string } | null;
}

interface Waiting {
  letter: Outgoing;
  timer: number;
  toast: number;
}

const waiting = new Map<Id, Waiting>();

const reopen = (id: Id) => go({ at: 'compose', mode: 'draft', of: id, to: '' });

/** RFC 8621 §7.5: once submitted, the draft becomes the copy in Sent. */
function submission({ draft, identity }: Outgoing): Call {
  const sent = ownByRole('sent')?.id;
  const drafts = ownByRole('drafts')?.id;
  const patch: Record<string, unknown> = { 'keywords/$draft': null, 'keywords/$seen': true };
  if (sent) {
    patch[`mailboxIds/${sent}`] = true;
    if (drafts && drafts !== sent) patch[`mailboxIds/${drafts}`] = null;
  }
  return ['EmailSubmission/set', own({
    create: { send: { identityId: identity, emailId: draft } },
    onSuccessUpdateEmail: { '#send': patch },
  })];
}

export function sendLater(letter: Outgoing): void {
  const undo = () => {
    if (!waiting.has(letter.draft)) return;
    holdBack(letter.draft);
    reopen(letter.draft);
    tell(t().sendStopped);
  };
  const toast = tell(t().sendingIn, { label: t().undo, run: undo }, 'plain',
    { label: t().sendNow, run: () => void deliver(letter.draft) });
  const timer = window.setTimeout(() => void deliver(letter.draft), UNDO_MS);
  waiting.set(letter.draft, { letter, timer, toast });
}

async function deliver(id: Id, leaving = false): Promise<void> {
  const held = waiting.get(id);
  if (!held) return;
  window.clearTimeout(held.timer);
  waiting.delete(id);
  dismiss(held.toast);
  try {
    const [set] = await request<[SetResponse]>([submission(held.letter)], leaving);
    const refused = set.notCreated?.send;
    if (refused) {
      tell(t().sendRefused(refused.description ?? refused.type), { label: t().editDraft, run: () => reopen(id) }, 'bad');
      return;
    }
    tell(t().sent);
    const { answers } = held.letter;
    if (answers && !leaving) void mark([answers.id], answers.keyword, true);
    syncSoon();
  } catch {
    tell(t().sendFailed, { label: t().editDraft, run: () => reopen(id) }, 'bad');
  }
}

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
  for (const id of waiting.keys()) void deliver(id, true);
});
