import { signal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { accountId, currentSession, isOwn, ownAccountId } from '../jmap/client';
import type { Id, Mailbox } from '../jmap/objects';
import { moveToBox } from '../state/acts';
import { badge, iconOf, may, nameOfBox, ofRole, ownFolders } from '../state/mailboxes';
import { print, route } from '../state/route';
import { boxId } from '../state/view';
import { number } from '../ui/format';
import { Icon } from '../ui/Icon';
import { t } from '../ui/i18n';
import { DRAGGED } from './Row';

/** On narrow screens the folders are a drawer. */
export const drawer = signal(false);

export function Folders() {
  const shut = () => { drawer.value = false; };
  const self = useRef<HTMLElement>(null);
  useEffect(() => {
    if (!drawer.value) return undefined;
    const before = document.activeElement as HTMLElement | null;
    self.current?.querySelector<HTMLElement>('[aria-current]')?.focus();
    return () => { if (self.current?.contains(document.activeElement)) before?.focus(); };
  }, [drawer.value]);
  return (
    <>
      <div class={`veil${drawer.value ? ' on' : ''}`} onClick={shut} aria-hidden="true" />
      <aside
        ref={self} class={`side${drawer.value ? ' on' : ''}`} aria-label={t().folders}
        onKeyDown={(event) => { if (event.key === 'Escape' && drawer.value) { shut(); event.stopPropagation(); } }}
      >
        <a class="btn primary compose-new" href={isOwn() ? '#/compose/new' : `${location.pathname}#/compose/new`} onClick={shut}>
          <Icon name="pencil-line" />{t().compose}
        </a>
        <nav aria-label={t().folders} onClick={(event) => { if ((event.target as Element).closest('a')) shut(); }}>
          <ul>{ofRole.value.map((box) => <Folder box={box} depth={0} key={box.id} />)}</ul>
          {ownFolders.value.length > 0 && (
            <>
              <h2>{t().ownFolders}</h2>
              <ul>{ownFolders.value.map(({ box, depth }) => <Folder box={box} depth={depth} key={box.id} />)}</ul>
            </>
          )}
          <Accounts />
        </nav>
      </aside>
    </>
  );
}

/** The mail of others that one may see, each opened as a page of its own; and the way back to one's own. */
function Accounts() {
  const { accounts } = currentSession();
  const shared = Object.entries(accounts).filter(([, account]) => !account.isPersonal);
  if (shared.length === 0) return null;
  const link = (id: Id) => (id === ownAccountId() ? location.pathname : `${location.pathname}?account=${encodeURIComponent(id)}`);
  return (
    <>
      <h2>{t().sharedBoxes}</h2>
      <ul>
        {!isOwn() && (
          <li><a href={link(ownAccountId())}><Icon name="arrow-left" /><span>{t().backToOwn}</span></a></li>
        )}
        {shared.map(([id, { name }]) => (
          <li key={id}>
            <a href={link(id)} aria-current={id === accountId() ? 'true' : undefined} title={name}>
              <Icon name="inbox" /><span>{name}</span>
            </a>
          </li>
        ))}
      </ul>
    </>
  );
}

const over = signal<Id | null>(null);

function Folder({ box, depth }: { box: Mailbox; depth: number }) {
  const count = badge(box);
  const here = boxId.value === box.id && route.value.at !== 'compose';
  const accepts = (event: DragEvent) => event.dataTransfer?.types.includes(DRAGGED) && box.id !== boxId.value && may(box, 'mayAddItems');
  return (
    <li>
      <a
        href={print({ at: 'box', box: box.id, open: null })} aria-current={here ? 'page' : undefined}
        class={over.value === box.id ? 'over' : undefined} style={depth ? { paddingInlineStart: `${12 + depth * 16}px` } : undefined}
        onDragOver={(event) => { if (accepts(event)) { event.preventDefault(); over.value = box.id; } }}
        onDragLeave={() => { if (over.value === box.id) over.value = null; }}
        onDrop={(event) => {
          over.value = null;
          const ids = JSON.parse(event.dataTransfer?.getData(DRAGGED) || '[]') as Id[];
          event.preventDefault();
          void moveToBox(ids, box.id);
        }}
      >
        <Icon name={iconOf(box)} />
        <span>{nameOfBox(box)}</span>
        {count > 0 && (
          <b>
            {number(count)}
            <span class="sr"> {box.role === 'drafts' ? '' : t().unread}</span>
          </b>
        )}
      </a>
    </li>
  );
}
