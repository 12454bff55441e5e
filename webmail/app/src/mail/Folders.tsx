import { signal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type { Id, Mailbox } from '../jmap/objects';
import { viewedOwner } from '../state/accounts';
import { isOwn } from '../jmap/client';
import { mark, moveToBox } from '../state/acts';
import { LABELS, nameOfLabel, toneOfLabel } from '../state/labels';
import { badge, iconOf, may, nameOfBox, ofRole, ownFolders } from '../state/mailboxes';
import { place, print, route } from '../state/route';
import { boxId, drawer } from '../state/view';
import { number } from '../ui/format';
import { Icon } from '../ui/Icon';
import { t } from '../ui/i18n';
import { Accounts, Whose } from './Accounts';
import { FolderMenu, NewFolder } from './FolderMenu';
import { DRAGGED } from './Row';

export function Folders() {
  const shut = () => { drawer.value = false; };
  const self = useRef<HTMLElement>(null);
  useEffect(() => {
    if (!drawer.value) return undefined;
    const before = document.activeElement as HTMLElement | null;
    const wanted = drawer.value === 'accounts' ? '.accounts a' : '.folders [aria-current]';
    self.current?.querySelector<HTMLElement>(wanted)?.focus();
    return () => { if (self.current?.contains(document.activeElement)) before?.focus(); };
  }, [drawer.value]);
  const owner = viewedOwner.value;
  return (
    <>
      <div class={`veil${drawer.value ? ' on' : ''}`} onClick={shut} aria-hidden="true" />
      <aside
        ref={self} class={`side${drawer.value ? ' on' : ''}`} aria-label={t().folders}
        onKeyDown={(event) => { if (event.key === 'Escape' && drawer.value) { shut(); event.stopPropagation(); } }}
      >
        <a class="btn primary compose-new" href="#/compose/new" onClick={shut}>
          <Icon name="pencil-line" />{t().compose}
        </a>
        {owner && <Whose owner={owner} />}
        <nav
          class="folders" aria-label={owner ? t().foldersOf(owner.name) : t().folders}
          onClick={(event) => { if ((event.target as Element).closest('a')) shut(); }}
        >
          <ul>{ofRole.value.map((box) => <Folder box={box} depth={0} key={box.id} />)}</ul>
          {(ownFolders.value.length > 0 || isOwn()) && (
            <>
              {ofRole.value.length > 0 && <div class="side-head"><h2>{owner ? t().otherFolders : t().ownFolders}</h2>{isOwn() && <NewFolder />}</div>}
              <ul>{ownFolders.value.map(({ box, depth }) => <Folder box={box} depth={depth} key={box.id} />)}</ul>
            </>
          )}
        </nav>
        {isOwn() && <Labels />}
        <Accounts />
      </aside>
    </>
  );
}

/** Each leads to the letters that have it, and takes what is dropped on it. */
function Labels() {
  const at = place.value;
  return (
    <nav class="labels-nav" aria-labelledby="labels">
      <h2 id="labels">{t().labelsTitle}</h2>
      <ul>
        {LABELS.map((label) => {
          const search = t().labelSearch[label];
          const here = at.at === 'search' && at.text === search && route.value.at === 'search';
          return (
            <li key={label}>
              <a
                href={print({ at: 'search', text: search, open: null })} aria-current={here ? 'page' : undefined} class={over.value === label ? 'over' : undefined}
                onClick={() => { drawer.value = false; }}
                onDragOver={(event) => { if (event.dataTransfer?.types.includes(DRAGGED)) { event.preventDefault(); over.value = label; } }}
                onDragLeave={() => { if (over.value === label) over.value = null; }}
                onDrop={(event) => {
                  over.value = null;
                  event.preventDefault();
                  void mark(JSON.parse(event.dataTransfer?.getData(DRAGGED) || '[]') as Id[], label, true, false);
                }}
              >
                <i class={`spot ${toneOfLabel(label)}`} /><span>{nameOfLabel(label)}</span>
              </a>
            </li>
          );
        })}
      </ul>
    </nav>
  );
}

const over = signal<Id | null>(null);

function Folder({ box, depth }: { box: Mailbox; depth: number }) {
  const inset = depth ? { paddingInlineStart: `${12 + depth * 16}px` } : undefined;
  // Of another's account some are there only as the way to one below.
  if (!may(box, 'mayReadItems')) return <li><p class="way" style={inset}><Icon name={iconOf(box)} /><span>{nameOfBox(box)}</span></p></li>;
  const count = badge(box);
  const here = boxId.value === box.id && route.value.at !== 'compose' && route.value.at !== 'settings';
  const accepts = (event: DragEvent) => event.dataTransfer?.types.includes(DRAGGED) && box.id !== boxId.value && may(box, 'mayAddItems');
  return (
    <li class="folder">
      <a
        href={print({ at: 'box', box: box.id, open: null })} aria-current={here ? 'page' : undefined}
        class={over.value === box.id ? 'over' : undefined} style={inset} title={nameOfBox(box)}
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
      <FolderMenu box={box} />
    </li>
  );
}
