// The way of a letter (`trace/`) under its head, opened by a button beside its details.
import { signal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { boot } from '../boot';
import type { Email, Id } from '../jmap/objects';
import { has } from '../state/emails';
import { byId } from '../state/mailboxes';
import { lazily } from '../ui/Lazy';
import { t } from '../ui/i18n';

/** Of which letter it is open. */
export const journeyOf = signal<Id | null>(null);

const Panel = lazily(async () => (await import('../trace/Journey')).Journey);

/** Whether one looks at what went out rather than at what came. */
export function wasSent(email: Email): boolean {
  const roles = Object.keys(email.mailboxIds).map((id) => byId(id)?.role);
  if (roles.includes('sent')) return true;
  return !roles.includes('inbox') && (email.from ?? []).some((by) => by.email.toLowerCase() === boot.address.toLowerCase());
}

/** A draft went nowhere yet. */
export const hasJourney = (email: Email | undefined): email is Email => email !== undefined && !has(email, '$draft');

export const journeyName = (email: Email) => (wasSent(email) ? t().whereIsIt : t().whereFrom);

export function toggleJourney(id: Id): void {
  journeyOf.value = journeyOf.value === id ? null : id;
}

export function JourneyButton({ email }: { email: Email }) {
  if (!hasJourney(email)) return null;
  const open = journeyOf.value === email.id;
  return (
    <button
      type="button" class="linkish journey-button" aria-expanded={open} aria-controls={open ? 'journey' : undefined} aria-keyshortcuts="w"
      title={`${journeyName(email)} (w)`} onClick={() => toggleJourney(email.id)}
    >
      {journeyName(email)}
    </button>
  );
}

export function JourneySlot({ email }: { email: Email }) {
  const self = useRef<HTMLElement>(null);
  const open = journeyOf.value === email.id;
  // Asked for by its key, it may be out of sight.
  useEffect(() => { if (open) self.current?.scrollIntoView({ block: 'nearest' }); }, [open]);
  if (!open) return null;
  const close = () => {
    journeyOf.value = null;
    document.querySelector<HTMLElement>('.journey-button')?.focus();
  };
  return (
    <section
      ref={self} class="journey" id="journey" aria-label={journeyName(email)}
      onKeyDown={(event) => { if (event.key === 'Escape') { close(); event.stopPropagation(); } }}
    >
      <Panel email={email} sent={wasSent(email)} close={close} />
    </section>
  );
}
