// Over a letter: that it waits for its time (and can be taken back), that its
// sender asks to be told it was read (RFC 8098), which nobody is told unasked.
import { useEffect, useState } from 'preact/hooks';
import { boot } from '../boot';
import { MethodError, from, own, request } from '../jmap/client';
import type { Email, GetResponse, Id, SetResponse } from '../jmap/objects';
import { meetSelf, identityOf, identity } from '../state/self';
import { mark } from '../state/acts';
import { alter, has } from '../state/emails';
import { byId, ownByRole } from '../state/mailboxes';
import { delayMax, reopen } from '../state/outbox';
import { syncSoon } from '../state/sync';
import { tell } from '../state/toast';
import { wasSent } from '../mail/JourneySlot';
import { when } from '../mail/LaterMenus';
import { domainOf, judge } from '../trust/judge';
import { nameOf } from '../ui/format';
import { Icon } from '../ui/Icon';
import { t } from '../ui/i18n';

interface Pending {
  id: Id;
  sendAt: string;
  envelope: { rcptTo: { parameters: Record<string, string> | null }[] } | null;
}

export function Bars({ email }: { email: Email }) {
  if (wasSent(email)) return <Scheduled email={email} key={email.id} />;
  return wantsReceipt(email) && !isSuspect(email) ? <Receipt email={email} key={email.id} /> : null;
}

/** Who lies about who they are are not told that the address is read. */
function isSuspect(email: Email): boolean {
  const { kind } = judge({ from: email.from, replyTo: email.replyTo, fields: email.headers ?? [] }, [domainOf(boot.address)], boot.host);
  return kind === 'forged' || kind === 'failed' || Object.keys(email.mailboxIds).some((id) => byId(id)?.role === 'junk');
}

const fieldOf = (email: Email, name: string) => email.headers?.find((field) => field.name.toLowerCase() === name)?.value.trim();

/** RFC 8098 §2.1: asked for, and not answered by any program yet. */
export const wantsReceipt = (email: Email) =>
  Boolean(fieldOf(email, 'disposition-notification-to')) && !has(email, '$mdnsent') && !has(email, '$draft');

function Scheduled({ email }: { email: Email }) {
  const [pending, setPending] = useState<Pending | null>(null);
  useEffect(() => {
    if (Date.now() - Date.parse(email.receivedAt) > delayMax()) return;
    request<[unknown, GetResponse<Pending>]>([
      ['EmailSubmission/query', own({ filter: { emailIds: [email.id], undoStatus: 'pending' } })],
      ['EmailSubmission/get', own({ '#ids': from(0, 'EmailSubmission/query', '/ids'), properties: ['sendAt', 'envelope'] })],
    ]).then(([, get]) => setPending(get.list[0] ?? null), () => undefined);
  }, [email.id]);
  if (!pending || !(Date.parse(pending.sendAt) > Date.now())) return null;
  const takeBack = async () => {
    const [drafts, sent] = [ownByRole('drafts')?.id, ownByRole('sent')?.id];
    const patch = { 'keywords/$draft': true, ...(drafts ? { mailboxIds: { [drafts]: true } } : {}) };
    try {
      const [set] = await request<[SetResponse]>([
        // Both or neither: what was stopped and still looks sent would never go.
        ['EmailSubmission/set', own({ update: { [pending.id]: { undoStatus: 'canceled' } }, onSuccessUpdateEmail: { [pending.id]: patch } })],
      ]);
      const refused = set.notUpdated?.[pending.id];
      if (refused) return void tell(['cannotUnsend', 'notFound'].includes(refused.type) ? t().tooLate : t().actFailed, undefined, 'bad');
      if (drafts && sent) alter(email.id, { mailboxIds: { [drafts]: true }, keywords: { ...email.keywords, $draft: true } });
      syncSoon();
      const receipt = pending.envelope?.rcptTo.some((one) => one.parameters?.NOTIFY?.includes('SUCCESS')) ?? false;
      reopen(email.id, { at: new Date(pending.sendAt), receipt, answers: null });
      tell(t().sendStopped);
    } catch {
      tell(t().actFailed, undefined, 'bad');
    }
  };
  return (
    <div class="note" role="status">
      <Icon name="clock" /><span>{t().goesAt(when(new Date(pending.sendAt)))}</span>
      <button type="button" class="btn" onClick={() => void takeBack()}>{t().takeBack}</button>
    </div>
  );
}

function Receipt({ email }: { email: Email }) {
  const [busy, setBusy] = useState(false);
  const who = email.from?.[0] ? nameOf(email.from[0]) : t().noSender;
  const send = async () => {
    setBusy(true);
    try {
      await meetSelf();
      const as = identityOf([...(email.to ?? []), ...(email.cc ?? [])].map((one) => one.email)) ?? identity.value;
      const disposition = { actionMode: 'manual-action', sendingMode: 'mdn-sent-manually', type: 'displayed' };
      const [sent] = await request<[{ notSent: Record<string, { type: string }> | null }]>([
        ['MDN/send', own({ identityId: as?.id ?? '', send: { k: { forEmailId: email.id, disposition } }, onSuccessUpdateEmail: { '#k': { 'keywords/$mdnsent': true } } })],
      ]);
      if (sent.notSent?.k) throw new MethodError(sent.notSent.k.type);
      alter(email.id, { keywords: { ...email.keywords, $mdnsent: true } });
      tell(t().receiptSent);
    } catch {
      setBusy(false);
      tell(t().receiptFailed, undefined, 'bad');
    }
  };
  return (
    <div class="note" role="status">
      <Icon name="receipt" /><span>{t().receiptAsked(who)}</span>
      <button type="button" class="btn" disabled={busy} onClick={() => void send()}>{t().receiptSend}</button>
      <button type="button" class="btn" disabled={busy} onClick={() => void mark([email.id], '$mdnsent', true)}>{t().receiptNo}</button>
    </div>
  );
}
