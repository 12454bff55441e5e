// Where the person is, kept in the address after `#`, so that Back, reload and
// links work as everywhere.
import { computed, signal } from '@preact/signals';
import type { Id } from '../jmap/objects';

export type ComposeMode = 'new' | 'reply' | 'all' | 'forward' | 'draft';

export type Route =
  | { at: 'box'; box: Id | null; open: Id | null }
  | { at: 'search'; text: string; open: Id | null }
  | { at: 'settings' }
  | { at: 'compose'; mode: ComposeMode; of: Id | null; to: string };

/** Stands for the inbox, whose id is not known before the folders are. */
const INBOX = 'inbox';

const MODES: ComposeMode[] = ['new', 'reply', 'all', 'forward', 'draft'];

export function parse(hash: string): Route {
  const [path = '', query = ''] = hash.replace(/^#\/?/, '').split('?');
  const [at, first, second] = path.split('/').map(decode);
  if (at === 'compose') {
    const mode = MODES.find((known) => known === first) ?? 'new';
    return { at, mode, of: second || null, to: new URLSearchParams(query).get('to') ?? '' };
  }
  if (at === 'settings') return { at };
  if (at === 'search' && first) return { at, text: first, open: second || null };
  const box = at === 'box' && first !== INBOX ? first : null;
  return { at: 'box', box: box || null, open: (at === 'box' && second) || null };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

export function print(route: Route): string {
  const join = (...parts: (string | null)[]) =>
    `#/${parts.filter((part) => part !== null).map((part) => encodeURIComponent(part)).join('/')}`;
  switch (route.at) {
    case 'box': return join('box', route.box ?? INBOX, route.open);
    case 'search': return join('search', route.text, route.open);
    case 'settings': return join('settings');
    case 'compose': return join('compose', route.mode, route.of) + (route.to ? `?to=${encodeURIComponent(route.to)}` : '');
  }
}

export const route = signal<Route>(parse(location.hash));
/** The last place with a list: where closing compose or the settings leads back to. */
export const place = signal<Exclude<Route, { at: 'compose' | 'settings' }>>({ at: 'box', box: null, open: null });

function arrive(): void {
  const next = parse(location.hash);
  route.value = next;
  if (next.at !== 'compose' && next.at !== 'settings') place.value = next;
}
arrive();
window.addEventListener('hashchange', arrive);

/** `replace` leaves no step in the history: for what the person did not do. */
export function go(next: Route, replace = false): void {
  const hash = print(next);
  if (hash === location.hash) return;
  if (!replace) {
    location.hash = hash;
    return;
  }
  history.replaceState(null, '', hash);
  arrive();
}

export const openId = computed(() => place.value.open);

/** The same list with another message open, or none. */
export const withOpen = (open: Id | null): Route => ({ ...place.value, open });
