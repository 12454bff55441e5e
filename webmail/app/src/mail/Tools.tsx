import { useState } from 'preact/hooks';
import { downloadAddress, isOwn } from '../jmap/client';
import type { Email } from '../jmap/objects';
import { archive, copyToOwn, inJunk, junk, mark, offers, unjunk } from '../state/acts';
import { has, isDamaged, rowsVersion } from '../state/emails';
import { byId } from '../state/mailboxes';
import { keepUnread } from '../state/reader';
import { go, openId, print, withOpen } from '../state/route';
import { boxId, list } from '../state/view';
import { IconButton } from '../ui/Button';
import { number } from '../ui/format';
import { Icon } from '../ui/Icon';
import { t } from '../ui/i18n';
import { lazily } from '../ui/Lazy';
import { type Item, Menu } from '../ui/Menu';
import { hasJourney, journeyName, toggleJourney } from './JourneySlot';
import { step } from './keymap';
import { LaterButtons, laterGroups } from './LaterMenus';
import { deleteThem } from './ListHead';
import { MoveMenu } from './MoveMenu';

export function Tools({ email }: { email: Email | undefined }) {
  const id = openId.value ?? '';
  const role = byId(boxId.value)?.role;
  void rowsVersion.value;
  const can = offers([id]);
  return (
    <div class="tools" role="toolbar" aria-label={t().mail}>
      <span class="only-narrow"><IconButton icon="arrow-left" label={t().back} keys="u" onClick={() => go(withOpen(null))} /></span>
      {!(email && isDamaged(email)) && <Answers id={id} />}
      {can.archive && role !== 'archive' && <IconButton icon="archive" label={t().archive} keys="e" onClick={() => void archive([id])} />}
      <MoveMenu ids={[id]} name="move-open" />
      {inJunk()
        ? can.inbox && <IconButton icon="inbox" label={t().notSpam} onClick={() => void unjunk([id])} />
        : can.junk && role !== 'sent' && <IconButton icon="octagon-alert" label={t().spam} keys="!" onClick={() => void junk([id])} />}
      {can.remove && (
        <IconButton icon="trash-2" label={can.remove === 'destroy' ? t().destroy : t().toTrash} keys="#" onClick={() => void deleteThem([id])} />
      )}
      <span class="only-wide tools-later"><LaterButtons ids={[id]} /></span>
      {email && <More email={email} />}
      <span class="sp" />
      <Position />
    </div>
  );
}

const Source = lazily(async () => (await import('../later/Source')).Source);

/** One answers as oneself, whoever's mailbox the letter is in. */
function Answers({ id }: { id: string }) {
  return (
    <>
      <a class="btn quiet only-wide" href={print({ at: 'compose', mode: 'reply', of: id, to: '' })} title={`${t().reply} (r)`}>
        <Icon name="reply" />{t().reply}
      </a>
      <a class="icon only-wide" href={print({ at: 'compose', mode: 'all', of: id, to: '' })} aria-label={t().replyAll} title={`${t().replyAll} (a)`}>
        <Icon name="reply-all" />
      </a>
      <a class="icon only-wide" href={print({ at: 'compose', mode: 'forward', of: id, to: '' })} aria-label={t().forward} title={`${t().forward} (f)`}>
        <Icon name="forward" />
      </a>
      <span class="sep only-wide" />
    </>
  );
}

const saving = (email: Email): Item =>
  ({ label: t().saveFile, icon: 'download', download: true, href: downloadAddress(email.blobId, 'thu.eml', 'message/rfc822') });

function More({ email }: { email: Email }) {
  const flagged = has(email, '$flagged');
  const seen = has(email, '$seen');
  const can = offers([email.id]);
  const [source, setSource] = useState(false);
  const marks: Item[] = [];
  if (can.seen && seen) marks.push({ label: t().markUnread, icon: 'mail', run: () => keepUnread([email.id]) });
  if (can.seen && !seen) marks.push({ label: t().markRead, icon: 'mail-open', run: () => void mark([email.id], '$seen', true, false) });
  if (can.flag) marks.push({ label: flagged ? t().unflag : t().flag, icon: 'flag', run: () => void mark([email.id], '$flagged', !flagged, false) });
  return (
    <>
      <Menu
        label={t().more} side="right"
        groups={[
          ...(marks.length > 0 ? [{ items: marks }] : []),
          // Where there is room these have buttons of their own.
          ...(window.matchMedia('(max-width: 899px)').matches ? laterGroups([email.id]) : []),
          { items: [
            ...(isOwn() || isDamaged(email) ? [] : [{ label: t().copyToOwn, icon: 'inbox', run: () => void copyToOwn([email.id]) } satisfies Item]),
            ...(hasJourney(email) ? [{ label: journeyName(email), icon: 'route', run: () => toggleJourney(email.id) } satisfies Item] : []),
            { label: t().print, icon: 'printer', run: () => window.print() },
            ...(isDamaged(email) ? [] : [{ label: t().source, icon: 'code', run: () => setSource(true) } satisfies Item, saving(email)]),
          ] },
        ]}
        button={(open, toggle) => <IconButton icon="ellipsis" label={t().more} expanded={open} onClick={toggle} />}
      />
      {source && <Source email={email} close={() => setSource(false)} />}
    </>
  );
}

/** `1 / 1.284` and the two arrows. */
function Position() {
  const rows = list.value;
  void rows?.version.value;
  const at = rows && openId.value ? rows.indexOf(openId.value) : -1;
  const total = rows?.total.value ?? 0;
  return (
    <>
      {at >= 0 && <small class="only-wide">{t().position(number(at + 1), number(total))}</small>}
      <IconButton icon="chevron-up" label={t().previous} keys="k" disabled={at <= 0} onClick={() => step(-1)} />
      <IconButton icon="chevron-down" label={t().next} keys="j" disabled={at < 0 || at >= total - 1} onClick={() => step(1)} />
    </>
  );
}
