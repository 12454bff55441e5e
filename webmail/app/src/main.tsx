import { render } from 'preact';
import { boot } from './boot';
import { accountId, fetchSession, isAskedMissing, isOwn, request, useSession } from './jmap/client';
import { listen } from './jmap/push';
import type { GetResponse, Mailbox } from './jmap/objects';
import { Frame } from './mail/Frame';
import { countSoon, meetAccounts } from './state/accounts';
import { put } from './state/emails';
import { keptAt } from './state/kept';
import { inbox, mailboxes } from './state/mailboxes';
import { offerWaiting } from './state/outbox';
import { firstLang } from './state/prefs';
import { followRoute } from './state/reader';
import { go } from './state/route';
import { keepWatch } from './state/snooze';
import { MAILBOX_CALL, syncSoon } from './state/sync';
import { tell } from './state/toast';
import { listFor } from './state/view';
import { speak, t } from './ui/i18n';
import './style/index.css';

const root = document.getElementById('app');
const WAITING_AFTER_MS = 3_000;

async function start(): Promise<void> {
  await speak(firstLang());
  try {
    useSession(boot.session ?? (await fetchSession()));
    if (boot.mailboxes && isOwn()) mailboxes.value = boot.mailboxes;
    else [{ list: mailboxes.value }] = await request<[GetResponse<Mailbox>]>([MAILBOX_CALL]);
  } catch {
    failed();
    return;
  }
  leaveMissing();
  if (isOwn()) seed();
  if (root) {
    root.textContent = '';
    render(<Frame />, root);
  }
  followRoute();
  listen((accounts) => {
    if (!accounts || accounts.includes(accountId())) syncSoon();
    countSoon(accounts);
  }, syncSoon);
  offerKept();
  // What a page sent as it went away has its time to arrive.
  window.setTimeout(() => void offerWaiting(), WAITING_AFTER_MS);
  keepWatch();
  void meetAccounts();
}

/** A link to what is not shared (any more) leads to one's own mail, and says so; its ids mean nothing here. */
function leaveMissing(): void {
  if (!isAskedMissing()) return;
  go({ at: 'box', box: null, open: null }, true);
  history.replaceState(null, '', location.pathname + location.hash);
  tell(t().accountLost, undefined, 'bad');
}

/** A letter that could not be saved before the page was loaded anew. */
function offerKept(): void {
  const at = keptAt();
  if (at && at !== location.search + location.hash) tell(t().keptFound, { label: t().editDraft, run: () => open(at) });
}

/** `at`: search and fragment; a letter of another account needs that account's page. */
function open(at: string): void {
  const cut = at.indexOf('#');
  if (at.slice(0, cut) === location.search) location.hash = at.slice(cut);
  else location.assign(location.pathname + at);
}

/** The first page of the inbox came with the document. */
function seed(): void {
  const box = inbox.value?.id;
  if (!boot.query || !boot.emails || !box) return;
  put(boot.emails);
  const known = new Set(boot.emails.map((row) => row.id));
  const ids = boot.query.ids.filter((id) => known.has(id));
  listFor(`b:${box}|all`, { inMailbox: box }).seed({ ids, total: boot.query.total ?? ids.length });
}

function failed(): void {
  if (!root) return;
  root.textContent = '';
  render(
    <main class="state bad whole">
      <h1>{t().bootFailed}</h1>
      <p>{t().bootFailedText}</p>
      <button type="button" class="btn primary" onClick={() => location.reload()}>{t().retry}</button>
    </main>,
    root,
  );
}

void start();
