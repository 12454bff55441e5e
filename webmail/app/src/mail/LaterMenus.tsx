// Labels, "done" and "later": what is done to letters besides filing them.
import { signal } from '@preact/signals';
import type { Id } from '../jmap/objects';
import { isOwn } from '../jmap/client';
import { mark, offers } from '../state/acts';
import { has, rowOf } from '../state/emails';
import { HANDLED, LABELS, nameOfLabel, toggleKeyword, toneOfLabel } from '../state/labels';
import { byId } from '../state/mailboxes';
import { type Later, WOKEN, offered, snooze } from '../state/snooze';
import { boxId } from '../state/view';
import { IconButton } from '../ui/Button';
import { clock, daysAgo, shortTime } from '../ui/format';
import { lazily } from '../ui/Lazy';
import { t } from '../ui/i18n';
import { type Group, type Item, Menu } from '../ui/Menu';

/** Those for whom a day and an hour are being picked. */
export const picking = signal<Id[] | null>(null);

export const SnoozeDialog = lazily(async () => (await import('../later/SnoozeDialog')).SnoozeDialog);

/** `14:00` today, `25/11 08:00` on another day. */
export const when = (at: Date, now = new Date()) => (daysAgo(at, now) === 0 ? clock(at) : `${shortTime(at.toISOString(), now)} ${clock(at)}`);

export const putOff = (ids: Id[], at: Date) => void snooze(ids, at, t().snoozedUntil(when(at), ids.length));

export function labelItems(ids: Id[]): Item[] {
  return LABELS.map((label) => ({
    label: nameOfLabel(label), spot: toneOfLabel(label), many: true, checked: ids.length > 0 && ids.every((id) => has(rowOf(id), label)),
    run: () => void toggleKeyword(ids, label),
  }));
}

function snoozeItems(ids: Id[]): Item[] {
  const item = ({ name, at }: Later): Item => ({ label: t().snoozeTo[name], note: when(at), icon: 'clock', run: () => putOff(ids, at) });
  return [...offered(new Date()).map(item), { label: t().snoozePick, icon: 'alarm-clock', run: () => { picking.value = ids; } }];
}

/** What was written or thrown away does not come back later. */
const maySnooze = (ids: Id[]) =>
  isOwn() && offers(ids).move && !['sent', 'drafts', 'trash', 'junk'].includes(byId(boxId.value)?.role ?? '');

export function handledItem(ids: Id[]): Item {
  const done = ids.every((id) => has(rowOf(id), HANDLED));
  return { label: done ? t().unhandle : t().handle, icon: 'circle-check-big', run: () => void toggleKeyword(ids, HANDLED) };
}

const pinned = (ids: Id[]) => ids.some((id) => has(rowOf(id), WOKEN));

/** All of it, where there is no room for buttons of their own. */
export function laterGroups(ids: Id[]): Group[] {
  if (!offers(ids).flag) return [];
  const done: Item[] = [handledItem(ids)];
  if (pinned(ids)) done.push({ label: t().unpin, icon: 'x', run: () => void mark(ids, WOKEN, false, false) });
  return [
    { items: done },
    { title: t().labelsTitle, items: labelItems(ids) },
    ...(maySnooze(ids) ? [{ title: t().snoozeTitle, items: snoozeItems(ids) }] : []),
  ];
}

/** Buttons for one open letter. */
export function LaterButtons({ ids }: { ids: Id[] }) {
  if (!offers(ids).flag) return null;
  const done = ids.every((id) => has(rowOf(id), HANDLED));
  return (
    <>
      <IconButton icon="circle-check-big" label={done ? t().unhandle : t().handle} keys="h" pressed={done} onClick={() => void toggleKeyword(ids, HANDLED)} />
      <Menu
        class="label-open" side="right" label={t().labelsTitle} groups={[{ title: t().labelsTitle, items: labelItems(ids) }]}
        button={(open, toggle) => <IconButton icon="tag" label={t().labelsTitle} keys="l" expanded={open} onClick={toggle} />}
      />
      {maySnooze(ids) && (
        <Menu
          class="snooze-open" side="right" label={t().snooze} groups={[{ title: t().snoozeTitle, items: snoozeItems(ids) }]}
          button={(open, toggle) => <IconButton icon="alarm-clock" label={t().snooze} keys="b" expanded={open} onClick={toggle} />}
        />
      )}
    </>
  );
}
