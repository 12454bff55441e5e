// Others' mailboxes in the side column: whose is open, which there are, what is unread in each.
import { ownAccountId, accountId } from '../jmap/client';
import type { ShareNotification } from '../jmap/objects';
import { type Owner, dismissNews, linkTo, news, sharedAccounts, unreadOf } from '../state/accounts';
import { Avatar, IconButton } from '../ui/Button';
import { breaks, initials, nfc, number, tone } from '../ui/format';
import { Icon } from '../ui/Icon';
import { t } from '../ui/i18n';

/** Position and address under the name; an address that is the name is not said twice. */
const about = ({ name, title, address }: Owner) => [title, name === address ? null : address].filter(Boolean);

/** An address breaks before its domain, if it must. */
const breakable = (line: string) => breaks(line).map((part, at) => (at > 0 ? [<wbr key={part} />, part] : part));

const Face = ({ owner, small }: { owner: Owner; small?: boolean }) => (owner.isOffice
  ? <span class={`av office${small ? ' sm' : ''}`} aria-hidden="true"><Icon name="building-2" small={small} /></span>
  : <Avatar text={initials(owner.name)} tone={tone(owner.address)} small={small} />);

function Unread({ id }: { id: string }) {
  const count = unreadOf(id);
  if (count === 0) return null;
  return <b>{number(count)}<span class="sr"> {t().unread}</span></b>;
}

/** The head of another's folders. */
export function Whose({ owner }: { owner: Owner }) {
  const own = unreadOf(ownAccountId());
  return (
    <div class="whose">
      <a href={linkTo(ownAccountId())}>
        <Icon name="arrow-left" /><span>{t().backToOwn}</span>
        {own > 0 && <b>{number(own)}<span class="sr"> {t().unread}</span></b>}
      </a>
      <div class="owner">
        <Face owner={owner} />
        <p><b title={owner.name}>{owner.name}</b>{about(owner).map((line) => <small key={line} title={line ?? ''}>{breakable(line ?? '')}</small>)}</p>
      </div>
    </div>
  );
}

/** The newest of them are shown; the others come up as these are dismissed. */
const NEWS_SHOWN = 3;

function said({ changedBy, oldRights, newRights, name }: ShareNotification): string {
  const who = changedBy.email === null ? t().administration : nfc(changedBy.name) || changedBy.email;
  const what = name === 'Inbox' ? t().roles.inbox : nfc(name);
  return oldRights === null ? t().nowShared(who, what) : newRights === null ? t().notShared(who, what) : t().otherRights(who, what);
}

function News() {
  const shown = news.value.slice(-NEWS_SHOWN).reverse();
  return (
    <ul class="news">
      {shown.map((one) => (
        <li key={one.id}><span>{said(one)}</span><IconButton icon="x" label={t().dismiss} onClick={() => void dismissNews(one.id)} /></li>
      ))}
    </ul>
  );
}

/** Each is a page of its own, so plain links: they open in a new tab as well, and Back leads back. */
export function Accounts() {
  const shared = sharedAccounts.value;
  if (shared.length === 0 && news.value.length === 0) return null;
  return (
    <nav class="accounts" aria-labelledby="accounts">
      <h2 id="accounts">{t().sharedBoxes}</h2>
      <ul>
        {shared.map((owner) => (
          <li key={owner.id}>
            <a href={linkTo(owner.id)} aria-current={owner.id === accountId() ? 'true' : undefined}>
              <Face owner={owner} small />
              <span class="who-of"><span title={owner.name}>{owner.name}</span>{about(owner).map((line) => <small key={line} title={line ?? ''}>{line}</small>)}</span>
              <Unread id={owner.id} />
            </a>
          </li>
        ))}
      </ul>
      <News />
    </nav>
  );
}
