import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { rowOf, rowsVersion } from '../state/emails';
import { byId, nameOfBox } from '../state/mailboxes';
import { marks } from '../state/marks';
import { place, print } from '../state/route';
import { ROW_HEIGHT, prefs } from '../state/prefs';
import { boxId, chip, cursor, list, picked, searchFilter, viewKey } from '../state/view';
import type { WindowedList } from '../state/windowed';
import { dayGroup } from '../ui/format';
import { Icon } from '../ui/Icon';
import { t } from '../ui/i18n';
import { ListHead } from './ListHead';
import { Row } from './Row';

/** Rows drawn beyond each edge, so that a flick shows no gap. */
const OVERSCAN = 8;
const FIRST_HEIGHT = 800;
const MARKS_AFTER_MS = 200;

export function List() {
  const at = place.value;
  const title = at.at === 'search' ? t().searchFor(at.text) : nameOfBox(byId(boxId.value));
  const rows = list.value;
  return (
    <section class="list" aria-label={t().messages} id="list">
      <ListHead title={title} rows={rows} />
      {rows && <Rows key={viewKey.value} rows={rows} title={title} />}
    </section>
  );
}

function Rows({ rows, title }: { rows: WindowedList; title: string }) {
  const box = useRef<HTMLDivElement>(null);
  const [top, setTop] = useState(0);
  const [height, setHeight] = useState(FIRST_HEIGHT);
  const rowHeight = ROW_HEIGHT[prefs.value.density];
  const total = rows.total.value;
  void rows.version.value;
  void rowsVersion.value;

  const firstShown = Math.floor(top / rowHeight);
  const first = Math.max(0, firstShown - OVERSCAN);
  const last = Math.min((total ?? Math.ceil(height / rowHeight)) - 1, Math.ceil((top + height) / rowHeight) + OVERSCAN);

  useEffect(() => rows.need(first, last), [rows, first, last, total]);
  useWhereabouts(rows, first, last);
  useMarks(rows, first, last);
  useSnippets(rows, first, last);
  useSize(box, setHeight);
  useAnchor(box, rows, rowHeight, firstShown);
  useEffect(() => follow(box.current, cursor.value, rowHeight), [cursor.value, rowHeight]);

  if (total === 0) return <Empty />;
  if (rows.failed.value && total === null) return <Failed rows={rows} />;

  const indexes = Array.from({ length: Math.max(0, last - first + 1) }, (_, offset) => first + offset);
  const day = dayGroup(rowOf(rows.at(firstShown))?.receivedAt ?? '');
  return (
    <>
      <p class="day" aria-hidden="true">{day || '\u00a0'}</p>
      <div
        class={picked.value.size > 0 ? 'rows picking' : 'rows'} ref={box} role="grid" tabIndex={0} aria-label={title} aria-rowcount={total ?? -1} aria-colcount={3}
        aria-multiselectable="true" aria-activedescendant={cursor.value >= first && cursor.value <= last ? `row-${cursor.value}` : undefined}
        onScroll={(event) => setTop(event.currentTarget.scrollTop)} onFocus={() => { if (cursor.value < 0) cursor.value = 0; }}
      >
        <div class="span" role="presentation" style={{ height: `${(total ?? indexes.length) * rowHeight}px` }}>
          {indexes.map((index) => {
            const id = rows.at(index);
            return <Row key={id ?? `at-${index}`} id={id} row={rowOf(id)} index={index} top={index * rowHeight} />;
          })}
        </div>
      </div>
    </>
  );
}

/** Elsewhere: which of the letters in view are likely not from whom they say. */
function useMarks(rows: WindowedList, first: number, last: number): void {
  const isOurs = ['sent', 'drafts'].includes(byId(boxId.value)?.role ?? '');
  const version = rows.version.value;
  useEffect(() => {
    if (isOurs) return undefined;
    // What is only passed by in scrolling is not asked about.
    const timer = window.setTimeout(() => {
      const ids = Array.from({ length: last - first + 1 }, (_, offset) => rows.at(first + offset)).filter((id) => id !== undefined);
      if (ids.some((id) => !marks.value.has(id))) void import('../trust/marks').then(({ follow }) => follow(ids), () => undefined);
    }, MARKS_AFTER_MS);
    return () => window.clearTimeout(timer);
  }, [isOurs, first, last, version]);
}

/** Of a search: where the words were found in the letters in view. */
function useSnippets(rows: WindowedList, first: number, last: number): void {
  const at = place.value;
  const search = at.at === 'search' ? at.text : null;
  const version = rows.version.value;
  useEffect(() => {
    if (search === null) return;
    const ids = Array.from({ length: last - first + 1 }, (_, offset) => rows.at(first + offset)).filter((id) => id !== undefined);
    if (ids.length > 0) void import('../search/snippets').then(({ follow }) => follow(ids, search, searchFilter(search))).catch(() => undefined);
  }, [search, first, last, version]);
}

/** In Sent: what became of the letters in view. */
function useWhereabouts(rows: WindowedList, first: number, last: number): void {
  const isSent = byId(boxId.value)?.role === 'sent';
  const version = rows.version.value;
  useEffect(() => {
    if (!isSent) return;
    const ids = Array.from({ length: last - first + 1 }, (_, offset) => rows.at(first + offset)).filter((id) => id !== undefined);
    void import('../trace/sent').then(({ follow }) => follow(ids), () => undefined);
  }, [isSent, first, last, version]);
  useEffect(() => () => { if (isSent) void import('../trace/sent').then(({ forget }) => forget(), () => undefined); }, [isSent]);
}

function useSize(box: { current: HTMLDivElement | null }, set: (height: number) => void): void {
  useLayoutEffect(() => {
    const element = box.current;
    if (!element) return undefined;
    const watch = new ResizeObserver(() => set(element.clientHeight));
    watch.observe(element);
    return () => watch.disconnect();
  }, [box.current]);
}

/** When letters arrive above, what is being looked at stays where it is. */
function useAnchor(box: { current: HTMLDivElement | null }, rows: WindowedList, rowHeight: number, firstShown: number): void {
  const anchor = useRef<{ id: string; index: number } | null>(null);
  useLayoutEffect(() => {
    const element = box.current;
    const before = anchor.current;
    if (element && before && element.scrollTop > 0) {
      const now = rows.indexOf(before.id);
      if (now >= 0 && now !== before.index) element.scrollTop += (now - before.index) * rowHeight;
    }
    const id = rows.at(firstShown);
    anchor.current = id ? { id, index: firstShown } : null;
  }, [rows.version.value, firstShown]);
}

/** Keeps the cursor's row whole in view. */
function follow(element: HTMLDivElement | null, index: number, rowHeight: number): void {
  if (!element || index < 0) return;
  const top = index * rowHeight;
  if (top < element.scrollTop) element.scrollTop = top;
  else if (top + rowHeight > element.scrollTop + element.clientHeight) element.scrollTop = top + rowHeight - element.clientHeight;
}

function Empty() {
  const filtered = chip.value !== 'all';
  const text = filtered ? t().emptyFilter
    : !boxId.value ? t().emptySearch
      : byId(boxId.value)?.role === 'inbox' ? t().emptyInbox : t().emptyBox;
  return (
    <div class="state">
      <Icon name={boxId.value ? 'inbox' : 'search'} />
      <p>{text}</p>
      {filtered
        ? <button type="button" class="btn" onClick={() => { chip.value = 'all'; }}>{t().showAll}</button>
        : boxId.value ? <a class="btn" href="#/compose/new">{t().compose}</a>
          : <a class="btn" href={print({ at: 'box', box: null, open: null })}>{t().searchClear}</a>}
    </div>
  );
}

function Failed({ rows }: { rows: WindowedList }) {
  return (
    <div class="state bad" role="alert">
      <Icon name="cloud-off" />
      <p>{t().listFailed}</p>
      <button type="button" class="btn" onClick={() => { rows.failed.value = false; rows.need(0, 0); }}>{t().retry}</button>
    </div>
  );
}
