import type { Id } from '../jmap/objects';
import { moveToBox, offers } from '../state/acts';
import { iconOf, may, nameOfBox, ofRole, ownFolders } from '../state/mailboxes';
import { boxId } from '../state/view';
import { IconButton } from '../ui/Button';
import { t } from '../ui/i18n';
import { Menu } from '../ui/Menu';

/** Drafts and Sent are not places one files other people's letters in. */
const NOT_TARGETS = ['drafts', 'sent'];

export function MoveMenu({ ids, name }: { ids: Id[]; name: string }) {
  const roles = ofRole.value.filter((box) => !NOT_TARGETS.includes(box.role ?? '') && box.id !== boxId.value
    && may(box, 'mayAddItems'));
  const own = ownFolders.value.filter(({ box }) => box.id !== boxId.value && may(box, 'mayAddItems'));
  if (!offers(ids).move || roles.length + own.length === 0) return null;
  const item = (box: (typeof roles)[number], depth = 0) => ({
    label: nameOfBox(box), icon: iconOf(box), depth, run: () => void moveToBox(ids, box.id),
  });
  const groups = [{ items: roles.map((box) => item(box)) }];
  if (own.length > 0) groups.push({ items: own.map(({ box, depth }) => item(box, depth)) });
  return (
    <Menu
      class={name} label={t().moveTo} groups={groups}
      button={(open, toggle) => <IconButton icon="folder-input" label={t().moveTo} keys="v" expanded={open} onClick={toggle} />}
    />
  );
}
