// The folders: order, names in the person's language, counts.
import { computed, signal } from '@preact/signals';
import { isOwn } from '../jmap/client';
import type { Id, Mailbox } from '../jmap/objects';
import { nfc } from '../ui/format';
import { t } from '../ui/i18n';
import type { IconName } from '../ui/icon-names';

/** Of the account that this page shows. */
export const mailboxes = signal<Mailbox[]>([]);
/** One's own, as known while another's mail is shown: what one writes and sends lies there. */
export const ownMailboxes = signal<Mailbox[]>([]);

const ROLES = ['inbox', 'drafts', 'sent', 'archive', 'junk', 'trash'];
const ICONS: Record<string, IconName> = {
  inbox: 'inbox', drafts: 'file-pen-line', sent: 'send', archive: 'archive', junk: 'octagon-alert', trash: 'trash-2',
  flagged: 'flag',
};
/** Deeper folders are drawn at this depth: the column is narrow. */
const DEPTH_MAX = 5;

export const byId = (id: Id | null | undefined) => mailboxes.value.find((box) => box.id === id);
export const byRole = (role: string) => mailboxes.value.find((box) => box.role === role);
export const ownByRole = (role: string) => (isOwn() ? mailboxes : ownMailboxes).value.find((box) => box.role === role);
/** RFC 8621 §2 myRights; a mailbox that is only the way to another has none. */
export const may = (box: Mailbox | undefined, right: string) => box?.myRights[right] === true;
export const inbox = computed(() =>
  byRole('inbox') ?? mailboxes.value.find((box) => may(box, 'mayReadItems')) ?? mailboxes.value[0]);

/** Where letters wait until they come back (`state/snooze.ts`); other programs show it by this name. */
export const SNOOZED_NAME = 'Tạm hoãn';
export const isSnoozed = (box: Mailbox | undefined) => box?.role === null && box.name === SNOOZED_NAME;

export const iconOf = (box: Mailbox): IconName => ICONS[box.role ?? ''] ?? (isSnoozed(box) ? 'clock' : 'folder');

export function nameOfBox(box: Mailbox | undefined): string {
  const roles: Record<string, string> = t().roles;
  return box ? ((box.role && roles[box.role]) || (isSnoozed(box) ? t().snoozed : nfc(box.name))) : '';
}

export const ofRole = computed(() =>
  mailboxes.value
    .filter((box) => box.role && ROLES.includes(box.role))
    .sort((a, b) => ROLES.indexOf(a.role ?? '') - ROLES.indexOf(b.role ?? '')));

/** Folders without a role as a flat list with depths, parents before children. */
export const ownFolders = computed(() => {
  const order = new Intl.Collator('vi', { numeric: true });
  const own = mailboxes.value
    .filter((box) => !ofRole.value.includes(box))
    .sort((a, b) => a.sortOrder - b.sortOrder || order.compare(a.name, b.name));
  const ids = new Set(own.map((box) => box.id));
  const flat: { box: Mailbox; depth: number }[] = [];
  const visit = (parent: Id | null, depth: number) => {
    for (const box of own) {
      const above = box.parentId && ids.has(box.parentId) ? box.parentId : null;
      if (above !== parent || flat.some((seen) => seen.box.id === box.id)) continue;
      flat.push({ box, depth: Math.min(depth, DEPTH_MAX) });
      visit(box.id, depth + 1);
    }
  };
  visit(null, 0);
  return flat;
});

/** Where unread letters ask nothing of anybody. */
export const QUIET_ROLES = ['drafts', 'sent', 'trash', 'junk'];

/** The number beside a folder: unread, but all of them where every one is unfinished. */
export const badge = (box: Mailbox) => (box.role === 'drafts' ? box.totalEmails
  : QUIET_ROLES.includes(box.role ?? '') ? 0 : box.unreadEmails);

const CHANGES = ['mayAddItems', 'mayRemoveItems', 'maySetSeen', 'maySetKeywords'];

/** Whether one may look at a mailbox and do nothing to what is in it. */
export const isReadOnly = (box: Mailbox | undefined) => box !== undefined && !CHANGES.some((right) => may(box, right));

/** Moves counts at once; the server's own numbers follow with the next change. */
export function adjust(id: Id, total: number, unread: number): void {
  mailboxes.value = mailboxes.value.map((box) => (box.id !== id ? box : {
    ...box,
    totalEmails: Math.max(0, box.totalEmails + total),
    unreadEmails: Math.max(0, box.unreadEmails + unread),
  }));
}
