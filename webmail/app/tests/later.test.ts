// @vitest-environment happy-dom
// Letters that come back, and what is marked on them.
import { afterEach, beforeEach, describe, expect, it, vi as mock } from 'vitest';
import { useSession } from '../src/jmap/client';
import type { EmailRow, Mailbox } from '../src/jmap/objects';
import { local } from '../src/later/SnoozeDialog';
import { mark, moveTo, settled } from '../src/state/acts';
import { alter, fetchPage, known, put, rowOf } from '../src/state/emails';
import { remove } from '../src/state/folders';
import { laterGroups } from '../src/mail/LaterMenus';
import { HANDLED, labelsOf, toggleKeyword } from '../src/state/labels';
import { mailboxes } from '../src/state/mailboxes';
import { WOKEN, offered, snooze, wakeAt, wakeDue, wakePatches } from '../src/state/snooze';
import { queued } from '../src/state/queue';
import { reached } from '../src/state/sync';
import { runLast, toasts } from '../src/state/toast';

const RIGHTS = Object.fromEntries(['mayReadItems', 'mayAddItems', 'mayRemoveItems', 'maySetSeen', 'maySetKeywords'].map((right) => [right, true]));
const box = (id: string, role: string | null, name: string): Mailbox =>
  ({ id, name, role, parentId: null, sortOrder: 0, totalEmails: 1, unreadEmails: 0, myRights: RIGHTS });
const row = (id: string, keywords: string[]): EmailRow => ({
  id, blobId: 'b', threadId: 't', mailboxIds: { m1: true }, keywords: Object.fromEntries(keywords.map((key) => [key, true])), size: 1,
  receivedAt: '2026-11-20T01:00:00Z', hasAttachment: false, from: null, to: null, subject: null, preview: '',
});

let asked: [string, Record<string, unknown>][] = [];
beforeEach(() => {
  asked = [];
  useSession({
    apiUrl: '/jmap/api', uploadUrl: '', downloadUrl: '', eventSourceUrl: '', primaryAccounts: { 'urn:ietf:params:jmap:mail': 'a7' },
    accounts: { a7: { name: 'x', isPersonal: true } }, capabilities: {},
  });
  mailboxes.value = [box('m1', 'inbox', 'Inbox'), box('m9', null, 'Tạm hoãn')];
  known.state = null;
  toasts.value = [];
  mock.stubGlobal('fetch', async (_: string, init: RequestInit) => {
    const { methodCalls } = JSON.parse(String(init.body)) as { methodCalls: [string, Record<string, unknown>, string][] };
    asked.push(...methodCalls.map(([name, args]) => [name, args] as [string, Record<string, unknown>]));
    return new Response(JSON.stringify({ methodResponses: methodCalls.map(([name, , id]) => [name, { updated: {}, list: [] }, id]) }));
  });
});
afterEach(() => mock.unstubAllGlobals());

const patches = () => asked.filter(([name]) => name === 'Email/set').map(([, args]) => args.update);

describe('later', () => {
  const names = (now: Date) => offered(now).map(({ name }) => name);
  it('offers times that are to come, each once', () => {
    expect(names(new Date(2026, 10, 24, 9))).toEqual(['evening', 'tomorrow', 'monday', 'week']);
    expect(names(new Date(2026, 10, 24, 13, 30))).toEqual(['tomorrow', 'monday', 'week']);
    // On Sunday tomorrow is Monday; on Monday the next one is in a week.
    expect(names(new Date(2026, 10, 22, 15))).toEqual(['tomorrow', 'week']);
    expect(names(new Date(2026, 10, 23, 15))).toEqual(['tomorrow', 'monday']);
    expect(offered(new Date(2026, 11, 31, 20))[0]?.at).toEqual(new Date(2027, 0, 1, 8));
  });

  it('puts a letter away with its time, and takes it back', async () => {
    put([row('e1', ['$seen', 'woken'])]);
    await snooze(['e1'], new Date(1_764_032_400_000), 'x');
    expect(patches()).toEqual([{ e1: { mailboxIds: { m9: true }, 'keywords/woken': null, 'keywords/wake-1764032400': true } }]);
    expect(rowOf('e1')).toMatchObject({ mailboxIds: { m9: true }, keywords: { '$seen': true, 'wake-1764032400': true } });
    expect(runLast()).toBe(true);
    await mock.waitFor(() => expect(patches()).toHaveLength(2));
    expect(patches()[1]).toEqual({ e1: { mailboxIds: { m1: true }, 'keywords/wake-1764032400': null, 'keywords/woken': true } });
    expect(rowOf('e1')).toMatchObject({ mailboxIds: { m1: true }, keywords: { '$seen': true, woken: true } });
  });

  it('brings back what is due and nothing else', () => {
    const list: { id: string; keywords: Record<string, boolean> }[] = [
      { id: 'a', keywords: { 'wake-100': true, '$seen': true } }, { id: 'b', keywords: { 'wake-300': true } },
      { id: 'c', keywords: { 'wake-100': true, 'wake-900': true } }, { id: 'd', keywords: { '$seen': true, 'wake-x': true } },
    ];
    const back = { mailboxIds: { m1: true }, 'keywords/woken': true, 'keywords/$seen': null };
    expect(wakePatches(list, 'm1', 200_000)).toEqual({
      a: { ...back, 'keywords/wake-100': null }, c: { ...back, 'keywords/wake-100': null, 'keywords/wake-900': null },
    });
    expect([wakeAt({}), wakeAt({ 'wake-7': true })]).toEqual([null, 7000]);
  });

  it('puts off again what is put off already', async () => {
    put([{ ...row('e20', ['wake-1764032400']), mailboxIds: { m9: true } }]);
    await snooze(['e20'], new Date(1_764_118_800_000), 'x');
    expect(patches()).toEqual([{ e20: { mailboxIds: { m9: true }, 'keywords/wake-1764032400': null, 'keywords/wake-1764118800': true } }]);
    asked = [];
    await moveTo(['e20'], 'm9', 'x');
    expect(asked).toEqual([]);
  });

  it('looks at all that waits, and counts what came back', async () => {
    mailboxes.value = mailboxes.value.map((one) => (one.id === 'm9' ? { ...one, totalEmails: 201 } : one));
    const all = Array.from({ length: 201 }, (_, n) => ({ id: `w${n}`, keywords: { [n >= 199 ? 'wake-100' : 'wake-99999999999']: true } }));
    const places: unknown[] = [];
    mock.stubGlobal('fetch', async (_: string, init: RequestInit) => {
      const { methodCalls } = JSON.parse(String(init.body)) as { methodCalls: [string, Record<string, unknown>, string][] };
      const position = Number(methodCalls[0]?.[1].position);
      const page = all.slice(position, position + 200);
      const answers: Record<string, unknown> = { 'Email/query': { ids: page.map(({ id }) => id) }, 'Email/get': { list: page }, 'Email/set': { updated: { w200: null }, notUpdated: { w199: { type: 'forbidden' } } } };
      places.push(...methodCalls.map(([name, args]) => (name === 'Email/set' ? Object.keys(args.update as object) : name === 'Email/query' ? args.position : name)));
      return new Response(JSON.stringify({ methodResponses: methodCalls.map(([name, , id]) => [name, answers[name] ?? {}, id]) }));
    });
    await wakeDue();
    expect(places).toEqual([0, 'Email/get', 200, 'Email/get', ['w199', 'w200']]);
    expect(toasts.value.map((toast) => toast.text)).toEqual(['1 thư tạm hoãn đã quay lại Hộp thư đến.']);
  });

  it('leaves the top of the list when it is filed', async () => {
    put([row('e2', ['woken', '$flagged'])]);
    await moveTo(['e2'], 'm9', 'x');
    expect(patches()).toEqual([{ e2: { mailboxIds: { m9: true }, 'keywords/woken': null } }]);
    expect(settled({ woken: true, 'wake-5': true, $seen: true })).toEqual({ $seen: true });
  });

  it('shows a time as the field of the page has it', () => {
    expect(local(new Date(2026, 0, 5, 8, 3))).toBe('2026-01-05T08:03');
  });
});

describe('a server that is away', () => {
  it('gets what was done meanwhile in its order, once it answers', async () => {
    const answering = globalThis.fetch;
    put([row('e9', []), row('e10', [])]);
    mock.stubGlobal('fetch', async () => { throw new TypeError('network'); });
    await mark(['e9'], '$flagged', true, false);
    await moveTo(['e10'], 'm9', 'x');
    expect([queued.value, reached.value]).toEqual([2, false]);
    expect([rowOf('e9')?.keywords, rowOf('e10')?.mailboxIds]).toEqual([{ $flagged: true }, { m9: true }]);
    mock.stubGlobal('fetch', answering);
    reached.value = true;
    await mock.waitFor(() => expect(queued.value).toBe(0));
    expect(patches()).toEqual([{ e9: { 'keywords/$flagged': true } }, { e10: { mailboxIds: { m9: true } } }]);
  });

  it('may refuse later: then the person is told', async () => {
    put([row('e11', [])]);
    mock.stubGlobal('fetch', async () => { throw new TypeError('network'); });
    await mark(['e11'], '$flagged', true, false);
    mock.stubGlobal('fetch', async (_: string, init: RequestInit) => {
      const { methodCalls } = JSON.parse(String(init.body)) as { methodCalls: [string, unknown, string][] };
      return new Response(JSON.stringify({ methodResponses: methodCalls.map(([name, , id]) => [name, { notUpdated: { e11: { type: 'forbidden' } }, list: [] }, id]) }));
    });
    reached.value = true;
    await mock.waitFor(() => expect(queued.value).toBe(0));
    expect(toasts.value.at(-1)).toMatchObject({ text: 'Bạn không có quyền làm việc này trong hộp thư này.', tone: 'bad' });
  });
});

describe('undo', () => {
  it('means the act that was done last, though it was not answered yet', async () => {
    put([row('e7', []), row('e8', [])]);
    await mark(['e7'], '$flagged', true, false);
    const moving = moveTo(['e8'], 'm9', 'x');
    expect(runLast()).toBe(true);
    await moving;
    await mock.waitFor(() => expect(rowOf('e8')?.mailboxIds).toEqual({ m1: true }));
    expect(rowOf('e7')?.keywords).toEqual({ $flagged: true });
  });
});

describe('a folder that is deleted', () => {
  it('puts into the bin what lies nowhere else', async () => {
    mailboxes.value = [...mailboxes.value, box('m3', 'trash', 'Trash'), box('m5', null, 'Họp')];
    let left = [{ id: 'a', mailboxIds: { m5: true } }, { id: 'b', mailboxIds: { m5: true, m1: true } }];
    const sets: unknown[] = [];
    mock.stubGlobal('fetch', async (_: string, init: RequestInit) => {
      const { methodCalls } = JSON.parse(String(init.body)) as { methodCalls: [string, Record<string, unknown>, string][] };
      const answers = methodCalls.map(([name, args, id]) => {
        const list = name === 'Email/get' ? left : name === 'Mailbox/get' ? mailboxes.value : [];
        if (name === 'Email/set') {
          sets.push(args.update);
          left = [];
        }
        return [name, { ids: left.map((one) => one.id), list }, id];
      });
      return new Response(JSON.stringify({ methodResponses: answers }));
    });
    await remove('m5');
    expect(sets).toEqual([{ a: { 'mailboxIds/m5': null, 'mailboxIds/m3': true }, b: { 'mailboxIds/m5': null } }]);
    expect(toasts.value.at(-1)?.text).toBe('Đã xoá thư mục Họp.');
  });
});

describe('an answer that was long on its way', () => {
  it('does not take back what was done meanwhile', async () => {
    put([row('e12', [])]);
    let answer: (response: Response) => void = () => undefined;
    mock.stubGlobal('fetch', () => new Promise((resolve) => { answer = resolve; }));
    const page = fetchPage({}, 0, 10);
    await mock.waitFor(() => expect(answer.length).toBe(1));
    alter('e12', { keywords: { $flagged: true } });
    answer(new Response(JSON.stringify({ methodResponses: [
      ['Email/query', { ids: ['e12', 'e13'], total: 2 }, '0'], ['Email/get', { list: [row('e12', []), row('e13', [])], state: 's' }, '1'],
    ] })));
    expect((await page).ids).toEqual(['e12', 'e13']);
    expect([rowOf('e12')?.keywords, rowOf('e13')?.keywords]).toEqual([{ $flagged: true }, {}]);
  });
});

describe('marks', () => {
  it('are put on all until all have them, and can be taken back', async () => {
    put([row('e3', ['$label1']), row('e4', [])]);
    await toggleKeyword(['e3', 'e4'], '$label1');
    expect(labelsOf(rowOf('e4')?.keywords ?? {})).toEqual(['$label1']);
    expect(toasts.value[0]?.text).toBe('Đã gắn nhãn Quan trọng.');
    runLast();
    await mock.waitFor(() => expect(patches()).toHaveLength(2));
    expect(patches()).toEqual([{ e4: { 'keywords/$label1': true } }, { e4: { 'keywords/$label1': null } }]);
    await toggleKeyword(['e3'], '$label1');
    expect(labelsOf(rowOf('e3')?.keywords ?? {})).toEqual([]);
  });

  it('take letters off the top, and put none there', async () => {
    put([row('e21', [WOKEN]), row('e22', [])]);
    laterGroups(['e21', 'e22'])[0]?.items.at(-1)?.run?.();
    await mock.waitFor(() => expect(toasts.value[0]?.text).toBe('Đã bỏ khỏi đầu danh sách.'));
    expect(patches()).toEqual([{ e21: { 'keywords/woken': null } }]);
  });

  it('put back on the top what is not done after all', async () => {
    put([row('e23', [WOKEN])]);
    await toggleKeyword(['e23'], HANDLED);
    expect(rowOf('e23')?.keywords).toEqual({ handled: true });
    runLast();
    await mock.waitFor(() => expect(rowOf('e23')?.keywords).toEqual({ woken: true }));
  });

  it('say what was done', async () => {
    put([row('e5', ['woken']), row('e6', [])]);
    await mark(['e5', 'e6'], '$flagged', true, false);
    expect(toasts.value[0]?.text).toBe('Đã gắn cờ 2 thư.');
    await toggleKeyword(['e5'], HANDLED);
    expect(toasts.value[0]?.text).toBe('Đã ghi là xử lý xong.');
    expect(rowOf('e5')?.keywords).toEqual({ $flagged: true, handled: true });
  });
});
