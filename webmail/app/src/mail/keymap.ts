// What each key does outside of compose (ui/README.md section 5).
import { signal } from '@preact/signals';
import { isOwn } from '../jmap/client';
import { archive, inJunk, junk, mark, subjects, unjunk } from '../state/acts';
import { has, rowOf } from '../state/emails';
import { HANDLED, toggleKeyword } from '../state/labels';
import { byRole } from '../state/mailboxes';
import { prefs } from '../state/prefs';
import { keepUnread, letter } from '../state/reader';
import { type ComposeMode, go, openId, place, route, withOpen } from '../state/route';
import { stepInThread } from '../state/thread';
import { runLast } from '../state/toast';
import { cursor, drawer, list, pick, picked, togglePick } from '../state/view';
import { type Bindings, listener } from '../ui/keys';
import { openMenu } from '../ui/Menu';
import { hasJourney, toggleJourney } from './JourneySlot';
import { deleteThem } from './ListHead';
import { focusSearch } from './Search';

export const help = signal(false);

/** Compose puts its own keys here while it is open. */
export const composing = { keys: {} as Bindings };

const wide = () => window.matchMedia('(min-width: 900px)').matches;

/** Goes `by` rows on; opens the row where there is a pane to show it. */
export function step(by: 1 | -1, show = wide() || openId.value !== null): void {
  const rows = list.value;
  if (!rows) return;
  const from = openId.value ? rows.indexOf(openId.value) : cursor.value;
  const next = Math.min(Math.max(0, (from < 0 ? cursor.value : from) + by), (rows.total.value ?? 1) - 1);
  cursor.value = next;
  const id = rows.at(next);
  if (show && id && !has(rowOf(id), '$draft')) go(withOpen(id), openId.value !== null);
}

function openCursor(): void {
  const id = list.value?.at(cursor.value);
  if (!id) return;
  go(has(rowOf(id), '$draft') && isOwn() ? { at: 'compose', mode: 'draft', of: id, to: '' } : withOpen(id));
}

function backToList(): void {
  if (picked.value.size > 0) pick([]);
  else if (openId.value) go(withOpen(null));
  else if (place.value.at === 'search') go({ at: 'box', box: null, open: null });
  document.querySelector<HTMLElement>('.rows')?.focus();
}

function pickCursor(): void {
  const id = list.value?.at(cursor.value);
  if (id) togglePick(id);
}

function extend(by: 1 | -1): void {
  const rows = list.value;
  const now = rows?.at(cursor.value);
  const next = rows?.at(cursor.value + by);
  if (!rows || !next) return;
  pick(now ? [...picked.value, now, next] : [...picked.value, next]);
  cursor.value += by;
}

function compose(mode: ComposeMode): void {
  const of = mode === 'new' ? null : (openId.value ?? list.value?.at(cursor.value) ?? null);
  if (mode === 'new' || of) go({ at: 'compose', mode, of, to: '' });
}

function toBox(role: string): void {
  const box = byRole(role);
  if (box) go({ at: 'box', box: box.id, open: null });
}

/** To the list of accounts, which may be in the drawer. */
function toAccounts(): void {
  if (window.matchMedia('(max-width: 1279px)').matches) drawer.value = 'accounts';
  else document.querySelector<HTMLElement>('.accounts a')?.focus();
}

function toggleFlag(): void {
  const ids = subjects();
  void mark(ids, '$flagged', ids.some((id) => !has(rowOf(id), '$flagged')), false);
}

function journey(): void {
  if (hasJourney(letter.value)) toggleJourney(letter.value.id);
}

const MAIL_KEYS: Bindings = {
  'j': () => step(1),
  'k': () => step(-1),
  'ArrowDown': () => step(1),
  'ArrowUp': () => step(-1),
  'o': openCursor,
  'Enter': openCursor,
  'u': backToList,
  'Escape': backToList,
  'e': () => void archive(subjects()),
  'y': () => void archive(subjects()),
  '[': () => void archive(subjects(), 1),
  ']': () => void archive(subjects(), -1),
  '#': () => void deleteThem(subjects()),
  'Delete': () => void deleteThem(subjects()),
  '!': () => void (inJunk() ? unjunk : junk)(subjects()),
  's': toggleFlag,
  'x': pickCursor,
  // Space picks in the list and scrolls elsewhere.
  ' ': () => (document.activeElement?.classList.contains('rows') ? pickCursor() : false),
  'Shift+j': () => extend(1),
  'Shift+k': () => extend(-1),
  '* a': () => pick(list.value?.loaded() ?? []),
  '* n': () => pick([]),
  'Shift+i': () => void mark(subjects(), '$seen', true, false),
  'Shift+u': () => keepUnread(subjects()),
  'v': () => openMenu(picked.value.size > 0 ? 'move-picked' : 'move-open'),
  'l': () => openMenu(picked.value.size > 0 ? 'label-picked' : 'label-open'),
  'b': () => openMenu(picked.value.size > 0 ? 'label-picked' : 'snooze-open'),
  'h': () => void toggleKeyword(subjects(), HANDLED),
  'n': () => stepInThread(1),
  'p': () => stepInThread(-1),
  'w': journey,
  '/': focusSearch,
  'c': () => compose('new'),
  'r': () => compose('reply'),
  'a': () => compose('all'),
  'f': () => compose('forward'),
  'z': () => void runLast(),
  'Ctrl+z': runLast,
  'g i': () => toBox('inbox'),
  'g d': () => toBox('drafts'),
  'g t': () => toBox('sent'),
  'g a': () => toBox('archive'),
  'g m': toAccounts,
  'g p': () => go({ at: 'settings' }),
  '?': () => { help.value = true; },
};

/** There is no letter to act on. */
const SETTINGS_KEYS: Bindings = {
  'u': () => go(place.value),
  'Escape': () => go(place.value),
  'c': () => compose('new'),
  'g i': () => toBox('inbox'),
  'g d': () => toBox('drafts'),
  'g t': () => toBox('sent'),
  '?': () => { help.value = true; },
};

export const onKey = listener(
  () => (route.value.at === 'compose' ? composing.keys : route.value.at === 'settings' ? SETTINGS_KEYS : MAIL_KEYS),
  () => prefs.value.keys,
);
