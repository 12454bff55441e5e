// What is done to folders themselves: a menu at each of one's own, a button to make one.
import { signal } from '@preact/signals';
import type { Id, Mailbox } from '../jmap/objects';
import { hasFolders, make, remove, rename } from '../state/folders';
import { isSnoozed, nameOfBox } from '../state/mailboxes';
import { IconButton } from '../ui/Button';
import { ask } from '../ui/Dialog';
import { number } from '../ui/format';
import { lazily } from '../ui/Lazy';
import { t } from '../ui/i18n';
import { type Item, Menu } from '../ui/Menu';

type Naming = { at: 'make'; parent: Id | null } | { at: 'rename'; box: Mailbox };

const naming = signal<Naming | null>(null);

const FolderDialog = lazily(async () => (await import('../later/FolderDialog')).FolderDialog);

/** The dialog, wherever it was asked for. */
export function FolderNaming() {
  const asked = naming.value;
  if (!asked) return null;
  const close = () => { naming.value = null; };
  return asked.at === 'make'
    ? <FolderDialog title={t().folderNew} name="" close={close} save={(name) => make(name, asked.parent)} />
    : <FolderDialog title={t().folderRename} name={asked.box.name} close={close} save={(name) => rename(asked.box.id, name)} />;
}

export const NewFolder = () => (
  <IconButton icon="plus" label={t().folderNew} onClick={() => { naming.value = { at: 'make', parent: null }; }} />
);

async function askRemove(box: Mailbox): Promise<void> {
  const text = box.totalEmails > 0 ? t().folderDeleteText(number(box.totalEmails)) : t().folderDeleteEmpty;
  if (await ask({ title: t().folderDeleteTitle(nameOfBox(box)), text, yes: t().folderDelete, danger: true })) await remove(box.id);
}

export function FolderMenu({ box }: { box: Mailbox }) {
  if (box.role || isSnoozed(box)) return null;
  const { mayCreateChild, mayRename, mayDelete } = box.myRights;
  const items: Item[] = [];
  if (mayRename) items.push({ label: t().folderRename, icon: 'pencil-line', run: () => { naming.value = { at: 'rename', box }; } });
  if (mayCreateChild) items.push({ label: t().folderNewIn, icon: 'plus', run: () => { naming.value = { at: 'make', parent: box.id }; } });
  if (mayDelete && !hasFolders(box.id)) items.push({ label: t().folderDelete, icon: 'trash-2', run: () => void askRemove(box) });
  if (items.length === 0) return null;
  return (
    <Menu
      class="folder-menu" side="right" label={t().folderMenu(nameOfBox(box))} groups={[{ items }]}
      button={(open, toggle) => <IconButton icon="ellipsis" label={t().folderMenu(nameOfBox(box))} expanded={open} onClick={toggle} />}
    />
  );
}
