// The letters before and after the open one, each in a line that opens it in its place.
import { useState } from 'preact/hooks';
import { isOwn } from '../jmap/client';
import type { EmailRow } from '../jmap/objects';
import { has } from '../state/emails';
import { print, withOpen } from '../state/route';
import { conversation } from '../state/thread';
import { Avatar } from '../ui/Button';
import { clock, daysAgo, initials, nameOf, nfc, number, shortTime, tone } from '../ui/format';
import { Icon } from '../ui/Icon';
import { t } from '../ui/i18n';

/** Lines nearest to the open letter that are always there. */
const NEAR = 3;

const when = (iso: string) => {
  const date = new Date(iso);
  return daysAgo(date, new Date()) === 0 ? clock(date) : `${shortTime(iso)} ${clock(date)}`;
};

/** `side`: those that came before the open letter, or those after it. */
export function Conversation({ id, side }: { id: string; side: 'before' | 'after' }) {
  const [all, setAll] = useState(false);
  const rows = conversation.value;
  const at = rows.findIndex((row) => row.id === id);
  const own = at < 0 ? [] : side === 'before' ? rows.slice(0, at) : rows.slice(at + 1);
  if (own.length === 0) return null;
  // One line takes no more room than the words that there is one.
  const hidden = all || own.length <= NEAR + 1 ? 0 : own.length - NEAR;
  const shown = side === 'before' ? own.slice(hidden) : own.slice(0, own.length - hidden);
  const more = hidden > 0 && (
    <li><button type="button" class="btn quiet sm" onClick={() => setAll(true)}>{side === 'before' ? t().threadEarlier(number(hidden)) : t().threadLater(number(hidden))}</button></li>
  );
  return (
    <ol class={`thread ${side}`} aria-label={side === 'before' ? t().threadBefore : t().threadAfter}>
      {side === 'before' && more}
      {shown.map((row) => <Line row={row} key={row.id} />)}
      {side === 'after' && more}
    </ol>
  );
}

function Line({ row }: { row: EmailRow }) {
  const sender = row.from?.[0];
  const name = sender ? nameOf(sender) : t().noSender;
  const href = has(row, '$draft') && isOwn() ? print({ at: 'compose', mode: 'draft', of: row.id, to: '' }) : print(withOpen(row.id));
  return (
    <li>
      <a href={href} class={has(row, '$seen') ? undefined : 'un'}>
        <Avatar small text={initials(name)} tone={tone(sender?.email ?? '')} />
        <b>{has(row, '$draft') && <em class="draft">{t().isDraft} </em>}{name}</b>
        <span>{nfc(row.preview)}</span>
        {row.hasAttachment && <><Icon name="paperclip" small /><span class="sr">{t().hasFiles}</span></>}
        <time dateTime={row.receivedAt}>{when(row.receivedAt)}</time>
      </a>
    </li>
  );
}
