import { useState } from 'preact/hooks';
import { boot } from '../boot';
import type { Address, Email } from '../jmap/objects';
import { Avatar } from '../ui/Button';
import { initials, longTime, nameOf, nfc, number, tone } from '../ui/format';
import { t } from '../ui/i18n';
import { JourneyButton } from './JourneySlot';

/** Names shown before `và 22 người khác`. */
const NAMES_SHOWN = 3;

export function Who({ email }: { email: Email }) {
  const [whole, setWhole] = useState(false);
  const sender = email.from?.[0];
  const name = sender ? nameOf(sender) : t().noSender;
  const everyone = [...(email.to ?? []), ...(email.cc ?? [])];
  const rest = everyone.length - NAMES_SHOWN;
  return (
    <div class="who">
      <Avatar text={initials(name)} tone={tone(sender?.email ?? '')} />
      <div>
        <p class="by">
          <b>{name}</b>
          {sender?.name && <em>{sender.email}</em>}
        </p>
        {!whole && <div class="print-only"><Details email={email} /></div>}
        {whole ? <Details email={email} /> : (
          <p class="for">
            {t().to} {everyone.slice(0, NAMES_SHOWN).map(short).join(', ') || t().noRecipient}
            {rest > 0 && ` ${t().andMore(number(rest))}`}
          </p>
        )}
        <button type="button" class="linkish" aria-expanded={whole} onClick={() => setWhole(!whole)}>
          {whole ? t().lessDetails : t().details}
        </button>
        <JourneyButton email={email} />
      </div>
      <time dateTime={email.receivedAt}>{longTime(email.receivedAt)}</time>
    </div>
  );
}

const isMe = (address: Address) => address.email.toLowerCase() === boot.address.toLowerCase();
const short = (address: Address) => (isMe(address) ? t().me : nameOf(address));

function Details({ email }: { email: Email }) {
  const same = (email.replyTo ?? []).every((reply) => email.from?.some((by) => by.email === reply.email));
  const lines: [string, Address[] | null][] = [
    [t().from, email.from], [t().to, email.to], [t().cc, email.cc], [t().bcc, email.bcc],
    [t().replyTo, same ? null : email.replyTo],
  ];
  return (
    <dl class="details">
      {lines.map(([label, people]) => people && people.length > 0 && (
        <div key={label}>
          <dt>{label}</dt>
          <dd>{people.map((person) => (
            <span key={person.email}>{person.name ? `${nfc(person.name)} ` : ''}<i>{`<${person.email}>`}</i></span>
          ))}</dd>
        </div>
      ))}
      {email.sentAt && <div><dt>{t().date}</dt><dd><span>{longTime(email.sentAt)}</span></dd></div>}
    </dl>
  );
}
