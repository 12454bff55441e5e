import { viewedOwner } from '../state/accounts';
import {
  archive, destroy, empty, inJunk, junk, mark, offers, refuse, subjects, trash, unjunk,
} from '../state/acts';
import { has, rowOf } from '../state/emails';
import { byId, isReadOnly, may } from '../state/mailboxes';
import { sync } from '../state/sync';
import { type Chip, boxId, chip, cursor, list, pick, picked } from '../state/view';
import type { WindowedList } from '../state/windowed';
import { IconButton } from '../ui/Button';
import { ask } from '../ui/Dialog';
import { number } from '../ui/format';
import { t } from '../ui/i18n';
import { Menu } from '../ui/Menu';
import { laterGroups } from './LaterMenus';
import { MoveMenu } from './MoveMenu';

export function ListHead({ title, rows }: { title: string; rows: WindowedList | null }) {
  const box = byId(boxId.value);
  const counts = box && box.unreadEmails > 0 && box.role !== 'drafts' && box.role !== 'sent'
    ? t().unreadCount(number(box.unreadEmails))
    : rows?.total.value !== null && rows ? t().totalCount(number(rows.total.value)) : '';
  return (
    <header class="list-head">
      {viewedOwner.value && (
        <p class="list-owner">
          <span title={viewedOwner.value.address}>{viewedOwner.value.name}</span>
          {isReadOnly(box) && <i class="tag" title={t().readOnlyHint}>{t().readOnly}</i>}
        </p>
      )}
      {picked.value.size > 0 ? <Bulk /> : (
        <div class="bar-line">
          <h1>{title}<small>{counts}</small></h1>
          {(box?.role === 'trash' || box?.role === 'junk') && box.totalEmails > 0 && may(box, 'mayRemoveItems') && (
            <button type="button" class="btn sm" onClick={() => void askEmpty(box.id, box.totalEmails)}>{t().emptyTrash}</button>
          )}
          <IconButton icon="square-check" label={t().selectAll} keys="* a" onClick={() => pick(list.value?.loaded() ?? [])} />
          <IconButton icon="refresh-cw" label={t().refresh} onClick={() => void refresh()} />
        </div>
      )}
      <Chips />
    </header>
  );
}

async function refresh(): Promise<void> {
  await Promise.all([sync(), list.value?.refresh()]);
}

async function askEmpty(box: string, count: number): Promise<void> {
  if (await ask({ title: t().destroyTitle(count), text: t().destroyText, yes: t().destroy, danger: true })) await empty(box);
}

/** Asks before destroying for ever, as the bin's Delete does. */
export async function deleteThem(ids: string[]): Promise<void> {
  if (ids.length === 0) return;
  const how = offers(ids).remove;
  if (how === null) return refuse();
  if (how === 'trash') return trash(ids);
  const sure = await ask({ title: t().destroyTitle(ids.length), text: t().destroyText, yes: t().destroy, danger: true });
  return sure ? destroy(ids) : undefined;
}

function Bulk() {
  const ids = subjects();
  const anyUnread = ids.some((id) => !has(rowOf(id), '$seen'));
  const anyPlain = ids.some((id) => !has(rowOf(id), '$flagged'));
  const role = byId(boxId.value)?.role;
  const can = offers(ids);
  return (
    <div class="bar-line bulk" role="toolbar" aria-label={t().selected(number(ids.length))}>
      <IconButton icon="x" label={t().selectNone} keys="* n" onClick={() => pick([])} />
      <b><span class="only-wide">{t().selected(number(ids.length))}</span><span class="only-narrow">{number(ids.length)}</span></b>
      {can.seen && (
        <IconButton
          icon={anyUnread ? 'mail-open' : 'mail'} label={anyUnread ? t().markRead : t().markUnread}
          onClick={() => void mark(ids, '$seen', anyUnread, false)}
        />
      )}
      {can.flag && <IconButton icon="flag" label={anyPlain ? t().flag : t().unflag} onClick={() => void mark(ids, '$flagged', anyPlain, false)} />}
      {can.archive && role !== 'archive' && role !== 'drafts' && <IconButton icon="archive" label={t().archive} onClick={() => void archive(ids)} />}
      <MoveMenu ids={ids} name="move-picked" />
      {inJunk()
        ? can.inbox && <IconButton icon="inbox" label={t().notSpam} onClick={() => void unjunk(ids)} />
        : can.junk && role !== 'sent' && role !== 'drafts' && <IconButton icon="octagon-alert" label={t().spam} onClick={() => void junk(ids)} />}
      {can.remove && <IconButton icon="trash-2" label={can.remove === 'destroy' ? t().destroy : t().toTrash} onClick={() => void deleteThem(ids)} />}
      {can.flag && (
        <Menu
          class="label-picked" label={t().moreActs} groups={laterGroups(ids)} side="right"
          button={(open, toggle) => <IconButton icon="ellipsis" label={t().moreActs} keys="l" expanded={open} onClick={toggle} />}
        />
      )}
    </div>
  );
}

function Chips() {
  const chips: [Chip, string][] = [
    ['all', t().all], ['unread', t().unread], ['files', t().withFiles], ['flagged', t().flagged],
  ];
  const choose = (name: Chip) => {
    chip.value = name;
    cursor.value = -1;
    pick([]);
  };
  return (
    <div class="chips" role="group" aria-label={t().filters}>
      {chips.map(([name, text]) => (
        <button type="button" class="chip" key={name} aria-pressed={chip.value === name} onClick={() => choose(name)}>{text}</button>
      ))}
    </div>
  );
}
