import { useEffect } from 'preact/hooks';
import { boot } from '../boot';
import { ownAccountId } from '../jmap/client';
import { linkTo, lost, viewedOwner } from '../state/accounts';
import { inbox, nameOfBox, byId } from '../state/mailboxes';
import { prefs } from '../state/prefs';
import { queued } from '../state/queue';
import { place, print, route } from '../state/route';
import { letter } from '../state/reader';
import { online, reached } from '../state/sync';
import { boxId, cursor, drawer, list, pick, viewKey } from '../state/view';
import { IconButton } from '../ui/Button';
import { Questions } from '../ui/Dialog';
import { nfc } from '../ui/format';
import { Icon } from '../ui/Icon';
import { lang, t } from '../ui/i18n';
import { lazily } from '../ui/Lazy';
import { Toasts } from '../ui/Toasts';
import { AccountMenu, SettingsMenu } from './Account';
import { ComposeSlot } from './ComposeSlot';
import { FolderNaming } from './FolderMenu';
import { Folders } from './Folders';
import { Help } from './Help';
import { SnoozeDialog, picking, putOff } from './LaterMenus';
import { help, onKey } from './keymap';
import { List } from './List';
import { Reader } from './Reader';
import { Search } from './Search';
import { Splitter } from './Splitter';

export function Frame() {
  const { at } = route.value;
  const composing = at === 'compose';
  const { listWidth } = prefs.value;
  const picked = picking.value;
  const agency = nfc((lang.value === 'en' && boot.agencyEn) || boot.agency);
  const pane = composing || at === 'settings' ? 'compose' : place.value.open ? 'read' : 'list';
  useEffect(() => {
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  }, []);
  useTitle();
  useCursor();
  return (
    <>
      <a class="skip" href="#list" onClick={(event) => { event.preventDefault(); document.querySelector<HTMLElement>('.rows, .list')?.focus(); }}>
        {t().skip}
      </a>
      <div class={`app in-${pane}`} style={listWidth ? { '--list': `${listWidth}px` } : undefined}>
        <nav class="rail" aria-label={t().rail}>
          <span class="emblem"><Emblem /></span>
          <a class="rail-item" href={print({ at: 'box', box: null, open: null })} aria-current={at === 'settings' ? undefined : 'page'}><Icon name="mail" />{t().mail}</a>
          <span class="sp" />
          <SettingsMenu />
        </nav>
        <header class="top">
          <span class="drawer-button"><IconButton icon="menu" label={t().folders} onClick={() => { drawer.value = drawer.value ? false : 'folders'; }} /></span>
          <div class="org"><b>{t().product}</b>{agency && <span title={agency}>{agency}</span>}</div>
          <Search />
          <span class="sp" />
          <span class="only-wide"><IconButton icon="keyboard" label={t().shortcuts} keys="?" onClick={() => { help.value = true; }} /></span>
          <AccountMenu />
        </header>
        <Folders />
        {composing ? <ComposeSlot /> : at === 'settings' ? <Settings /> : lost.value ? <Lost /> : <><List /><Splitter /><Reader /></>}
        <Connection />
        {pane === 'list' && <a class="fab" href="#/compose/new" aria-label={t().compose}><Icon name="pencil-line" /></a>}
      </div>
      <Toasts />
      <Questions />
      <Help />
      <FolderNaming />
      {picked && (
        <SnoozeDialog
          title={t().snoozeTitle} label={t().snoozeWhen} yes={t().snooze} close={() => { picking.value = null; }}
          take={(at) => putOff(picked, at)}
        />
      )}
    </>
  );
}

const Settings = lazily(async () => (await import('../settings/Settings')).Settings, () => print(place.value));

/** In place of list and letter, once the account is no longer shared: nothing of it stays on the page. */
const Lost = () => (
  <main class="lost">
    <div class="state bad" role="alert">
      <Icon name="info" />
      <p>{t().accountLost}</p>
      <a class="btn primary" href={linkTo(ownAccountId())}>{t().backToOwn}</a>
    </div>
  </main>
);

const Emblem = () => (
  <svg viewBox="0 0 24 24" width="26" height="26" fill="none" stroke="currentColor" stroke-width="2" stroke-linejoin="round" aria-hidden="true">
    <path d="M3 7.5 12 3l9 4.5v9L12 21l-9-4.5z" /><path d="m3 7.5 9 5.5 9-5.5" />
  </svg>
);

/** A quiet bar while there is no way to the server. */
function Connection() {
  const why = online.value ? t().serverLost : t().offline;
  const waits = queued.value > 0 ? ` ${t().actsWait(queued.value)}` : '';
  const text = reached.value ? '' : why + waits;
  return <div class={`connection${text ? ' on' : ''}`} role="status">{text && <><Icon name="cloud-off" small />{text}</>}</div>;
}

function useTitle(): void {
  const unread = inbox.value?.unreadEmails ?? 0;
  const at = place.value;
  const where = route.value.at === 'compose' ? t().newMessage : route.value.at === 'settings' ? t().settings
    : letter.value && at.open ? nfc(letter.value.subject) || t().noSubject
      : at.at === 'search' ? t().searchFor(at.text) : nameOfBox(byId(boxId.value));
  const whose = viewedOwner.value ? `${viewedOwner.value.name} – ` : '';
  const title = `${unread > 0 ? `(${unread}) ` : ''}${where ? `${where} – ` : ''}${whose}${t().product}`;
  useEffect(() => { document.title = title; }, [title]);
}

/** The cursor follows what is open; another list begins without one. */
function useCursor(): void {
  const key = viewKey.value;
  useEffect(() => {
    pick([]);
    cursor.value = -1;
  }, [key]);
  const open = place.value.open;
  const version = list.value?.version.value;
  useEffect(() => {
    const at = open ? (list.value?.indexOf(open) ?? -1) : -1;
    if (at >= 0) cursor.value = at;
  }, [open, version]);
}
