import { isOwn } from '../jmap/client';
import type { EmailRow, Id } from '../jmap/objects';
import { mark, offers } from '../state/acts';
import { damaged, has } from '../state/emails';
import { HANDLED, labelsOf, nameOfLabel, toneOfLabel } from '../state/labels';
import { byId, isSnoozed, nameOfBox } from '../state/mailboxes';
import { type Mark, marks } from '../state/marks';
import { openId, place, print, withOpen } from '../state/route';
import { type Piece, snippets } from '../state/snippets';
import { type Whereabouts, whereabouts } from '../state/whereabouts';
import { WOKEN, wakeAt } from '../state/snooze';
import { marked } from '../state/urgency';
import { boxId, cursor, list, pick, picked, togglePick } from '../state/view';
import { longTime, nameOf, nfc, number, shortTime } from '../ui/format';
import { Icon } from '../ui/Icon';
import { t } from '../ui/i18n';
import { when } from './LaterMenus';

/** What a dragged row carries: a JSON list of email ids. */
export const DRAGGED = 'application/x-congvu-mail';

/** Whom the row names: the sender, or the recipients of what we wrote. */
function party(row: EmailRow): string {
  const box = byId(boxId.value);
  if (box?.role === 'sent' || box?.role === 'drafts' || (!box && has(row, '$draft'))) {
    const names = (row.to ?? []).map(nameOf);
    return names.length > 0 ? t().toWhom(names.join(', ')) : t().noRecipient;
  }
  const sender = row.from?.[0];
  return sender ? nameOf(sender) : t().noSender;
}

/** Where a found message lies. */
function whereOf(row: EmailRow): string | null {
  if (boxId.value) return null;
  const first = Object.keys(row.mailboxIds)[0];
  return first ? nameOfBox(byId(first)) : null;
}

function click(event: MouseEvent, index: number, id: Id): void {
  if (isTouch() && (press.done || picked.value.size > 0)) {
    event.preventDefault();
    if (!press.done) togglePick(id);
    press.done = false;
    return;
  }
  if (event.shiftKey) {
    const [from, to] = [Math.min(cursor.value, index), Math.max(cursor.value, index)];
    const ids = [...picked.value];
    for (let at = Math.max(0, from); at <= to; at += 1) {
      const between = list.value?.at(at);
      if (between) ids.push(between);
    }
    pick(ids);
    event.preventDefault();
  } else if (picked.value.size > 0 && !event.ctrlKey && !event.metaKey) {
    pick([]);
  }
  cursor.value = index;
}

function drag(event: DragEvent, id: Id): void {
  const ids = picked.value.has(id) ? [...picked.value] : [id];
  event.dataTransfer?.setData(DRAGGED, JSON.stringify(ids));
  if (event.dataTransfer) event.dataTransfer.effectAllowed = 'move';
}

/** There is no pointer to hover with: a long press picks, and then a tap does. */
const isTouch = () => window.matchMedia('(pointer: coarse)').matches;
const LONG_PRESS_MS = 500;
const press = { timer: 0, done: false };

function pressStart(event: PointerEvent, id: Id): void {
  if (event.pointerType !== 'touch') return;
  press.done = false;
  press.timer = window.setTimeout(() => {
    press.done = true;
    togglePick(id);
  }, LONG_PRESS_MS);
}

const pressEnd = () => window.clearTimeout(press.timer);

/** Where the search found its words in a letter. */
const foundIn = (id: Id) =>
  (place.value.at === 'search' && snippets.value.search === place.value.text ? snippets.value.found.get(id) : undefined);

const Pieces = ({ of }: { of: Piece[] }) => <>{of.map((piece, at) => (piece.hit ? <mark key={at}>{piece.text}</mark> : piece.text))}</>;

interface Props {
  row: EmailRow | undefined;
  id: Id | undefined;
  index: number;
  top: number;
}

export function Row({ row, id, index, top }: Props) {
  const spot = { transform: `translateY(${top}px)` };
  if (!row || id === undefined) {
    return (
      <div class="msg ghost" role="row" aria-rowindex={index + 1} style={spot} aria-busy="true">
        <div role="gridcell"><i /><i /><i /></div>
      </div>
    );
  }
  const unread = !has(row, '$seen');
  const flagged = has(row, '$flagged');
  const isPicked = picked.value.has(id);
  const can = offers([id]);
  const found = foundIn(id);
  const { urgency, rest } = marked(nfc(row.subject));
  const where = whereOf(row);
  const back = isSnoozed(byId(boxId.value)) ? wakeAt(row.keywords) : null;
  const became = byId(boxId.value)?.role === 'sent' ? whereabouts.value.get(id) : undefined;
  const sign = damaged.value.has(id) ? undefined : (marks.value.get(id) ?? undefined);
  const classes = ['msg', unread && 'un', has(row, HANDLED) && 'done', isPicked && 'picked', openId.value === id && 'open', cursor.value === index && 'at'];
  return (
    <div
      class={classes.filter(Boolean).join(' ')} role="row" id={`row-${index}`} aria-rowindex={index + 1} style={spot}
      aria-selected={isPicked || openId.value === id} draggable={can.move && !isTouch()} onDragStart={(event) => drag(event, id)}
      onPointerDown={(event) => pressStart(event, id)} onPointerUp={pressEnd} onPointerMove={pressEnd} onPointerCancel={pressEnd}
      onContextMenu={(event) => { if (isTouch()) event.preventDefault(); }}
    >
      <div class="pick" role="gridcell">
        <label>
          <span class="sr">{t().selectOne}: {nfc(row.subject) || t().noSubject}</span>
          <input
            type="checkbox" tabIndex={-1} checked={isPicked}
            onChange={() => { togglePick(id); cursor.value = index; }}
          />
        </label>
      </div>
      <div class="what" role="gridcell">
        <a href={openHref(row, id)} tabIndex={-1} draggable={false} onClick={(event) => click(event, index, id)}>
          <span class="l">
            <span class="w">
              {unread && <span class="sr">{t().isUnread} </span>}
              {has(row, '$draft') && <em class="draft">{t().isDraft}</em>}
              {party(row)}
            </span>
            {sign && <span class="became marked" title={t().mark[sign]}><Icon name="shield-alert" small /><span class="sr">{t().mark[sign]}.</span></span>}
            {became && <Became of={became} />}
            {has(row, WOKEN) && <span class="became due" title={t().woken}><Icon name="alarm-clock" small /><span class="sr">{t().woken}.</span></span>}
            {has(row, HANDLED) && <span class="became arrived" title={t().handle}><Icon name="circle-check-big" small /><span class="sr">{t().isHandled}</span></span>}
            {has(row, '$answered') && <><Icon name="corner-up-left" small /><span class="sr">{t().isAnswered}</span></>}
            <time dateTime={row.receivedAt} title={longTime(row.receivedAt)}>{shortTime(row.receivedAt)}</time>
          </span>
          <span class="l">
            {urgency && <span class="tag label-1">{t().urgency[urgency]}</span>}
            <span class="t">{found?.subject ? <Pieces of={found.subject} /> : nfc(rest) || t().noSubject}</span>
            {back === null && labelsOf(row.keywords).map((label) => <span class={`tag ${toneOfLabel(label)}`} key={label}>{nameOfLabel(label)}</span>)}
            {where && <span class="tag">{where}</span>}
            {back !== null && <span class="tag"><Icon name="clock" small />{t().comesBack(when(new Date(back)))}</span>}
          </span>
          <span class="l">
            {damaged.value.has(id) || became?.state === 'failed' || sign
              ? <span class="p harm"><Icon name={sign ? 'shield-alert' : 'triangle-alert'} small />{harm(id, became, sign)}</span>
              : <span class="p">{found?.preview ? <Pieces of={found.preview} /> : nfc(row.preview)}</span>}
            {row.hasAttachment && <><Icon name="paperclip" small /><span class="sr">{t().hasFiles}</span></>}
          </span>
        </a>
      </div>
      <div class="flagger" role="gridcell">
        {can.flag ? (
          <button
            type="button" tabIndex={-1} class={`icon flag${flagged ? ' on' : ''}`} aria-pressed={flagged}
            aria-label={flagged ? t().unflag : t().flag} title={flagged ? t().unflag : t().flag}
            onClick={() => void mark([id], '$flagged', !flagged, false)}
          >
            <Icon name="flag" small filled={flagged} />
          </button>
        ) : flagged && <span class="icon flag on" title={t().flagged}><Icon name="flag" small filled /><span class="sr">{t().flagged}</span></span>}
      </div>
    </div>
  );
}

const BECAME_ICONS = { arrived: 'circle-check', waiting: 'clock', failed: 'triangle-alert' } as const;

/** Where a letter in Sent is; who wants to know more opens it. */
const Became = ({ of }: { of: Whereabouts }) => (
  <span class={`became ${of.state}`} title={becameText(of)}>
    <Icon name={BECAME_ICONS[of.state]} small /><span class="sr">{becameText(of)}.</span>
  </span>
);

/** What the third line says instead of the letter's beginning. */
const harm = (id: Id, became?: Whereabouts, sign?: Mark) => (damaged.value.has(id) ? t().damagedTitle : sign ? t().mark[sign] : becameText(became));

const becameText = (became?: Whereabouts) => {
  if (!became) return '';
  const some = became.state === 'failed' && became.failed < became.of;
  return some ? t().becameFailedOf(number(became.failed), number(became.of)) : t().became[became.state];
};

/** A draft opens where it can be written on. */
const openHref = (row: EmailRow, id: Id) =>
  (has(row, '$draft') && isOwn() ? print({ at: 'compose', mode: 'draft', of: id, to: '' }) : print(withOpen(id)));
