// @vitest-environment happy-dom
// How a letter leaves: its envelope, its mark of urgency, and what a lost answer does.
import { afterEach, beforeEach, describe, expect, it, vi as mock } from 'vitest';
import { useSession } from '../src/jmap/client';
import { type Outgoing, holdBack, offerWaiting, sendLater, stuck, submission } from '../src/state/outbox';
import type { EmailRow } from '../src/jmap/objects';
import { withoutTwins } from '../src/state/thread';
import { toasts } from '../src/state/toast';
import { marked, withMark } from '../src/state/urgency';
import { mailboxes } from '../src/state/mailboxes';
import { reached } from '../src/state/sync';

const LETTER: Outgoing = { draft: 'e1', identity: 'i1', answers: null, from: 'an@x.vn', to: ['b@y.vn'], at: null, receipt: false };

beforeEach(() => {
  mock.useFakeTimers({ now: new Date('2026-11-24T01:00:00Z') });
  toasts.value = [];
  mailboxes.value = [];
  useSession({
    apiUrl: '/jmap/api', uploadUrl: '', downloadUrl: '', eventSourceUrl: '', primaryAccounts: { 'urn:ietf:params:jmap:mail': 'a7' },
    accounts: { a7: { name: 'x', isPersonal: true } }, capabilities: {},
  });
});
afterEach(() => {
  mock.useRealTimers();
  mock.unstubAllGlobals();
});

const created = (letter: Outgoing) => (submission(letter)[1].create as { send: object }).send;

describe('submission', () => {
  it('leaves the envelope to the server where nothing more is to be said', () => {
    expect(created(LETTER)).toEqual({ identityId: 'i1', emailId: 'e1' });
  });

  it('says when it may go, and what its sender is told', () => {
    expect(created({ ...LETTER, at: new Date('2026-11-24T02:00:00Z') })).toMatchObject({
      envelope: { mailFrom: { email: 'an@x.vn', parameters: { HOLDFOR: '3600' } }, rcptTo: [{ email: 'b@y.vn', parameters: null }] },
    });
    expect(created({ ...LETTER, receipt: true })).toMatchObject({
      envelope: { mailFrom: { email: 'an@x.vn', parameters: null }, rcptTo: [{ email: 'b@y.vn', parameters: { NOTIFY: 'SUCCESS,FAILURE,DELAY' } }] },
    });
  });
});

describe('a lost answer', () => {
  /** A server that takes each submission and loses the answers of the first `losses` requests. */
  const flaky = (losses: number) => {
    const sent: string[] = [];
    let left = losses;
    mock.stubGlobal('fetch', async (_: string, init: RequestInit) => {
      const { methodCalls } = JSON.parse(String(init.body)) as { methodCalls: [string, Record<string, unknown>, string][] };
      for (const [name] of methodCalls) if (name === 'EmailSubmission/set') sent.push('e1');
      left -= 1;
      if (left >= 0) throw new TypeError('network');
      const draft = { id: 'e1', keywords: sent.length > 0 ? {} : { $draft: true } };
      return new Response(JSON.stringify({ methodResponses: methodCalls.map(([name, , id]) => [name, name === 'Email/get' ? { list: [draft] } : { created: {}, list: [] }, id]) }));
    });
    return sent;
  };

  it('keeps the letter waiting, and sends it once only', async () => {
    const sent = flaky(1);
    sendLater(LETTER);
    await mock.advanceTimersByTimeAsync(10_500);
    expect(toasts.value.map((toast) => toast.text)).toEqual(['Mất kết nối máy chủ. Thư sẽ tự gửi khi kết nối lại, nếu trang này còn mở.']);
    reached.value = true;
    await mock.advanceTimersByTimeAsync(100);
    expect(sent).toEqual(['e1']);
    expect(toasts.value.map((toast) => toast.text)).toEqual(['Đã gửi thư.']);
  });
});

describe('a letter that does not go', () => {
  const answers = (...statuses: number[]) => {
    const asked: string[] = [];
    mock.stubGlobal('fetch', async (_: string, init: RequestInit) => {
      const { methodCalls } = JSON.parse(String(init.body)) as { methodCalls: [string, unknown, string][] };
      asked.push(...methodCalls.map(([name]) => name));
      const status = statuses.shift() ?? 200;
      if (status === 0) throw new TypeError('network');
      const draft = { id: 'e1', keywords: { $draft: true } };
      return new Response(JSON.stringify({ methodResponses: methodCalls.map(([name, , id]) => [name, { created: {}, list: [draft] }, id]) }), { status });
    });
    return asked;
  };
  const texts = () => toasts.value.map((toast) => toast.text);
  beforeEach(() => sessionStorage.clear());
  afterEach(() => holdBack('e1'));

  it('was refused: the person is told at once, and nothing waits', async () => {
    answers(403);
    sendLater(LETTER);
    await mock.advanceTimersByTimeAsync(10_500);
    expect([texts(), stuck()]).toEqual([['Không gửi được thư. Thư vẫn ở Thư nháp.'], 0]);
  });

  it('goes by itself where too much was asked at once', async () => {
    const asked = answers(429, 429);
    sendLater(LETTER);
    await mock.advanceTimersByTimeAsync(12_500);
    expect([texts(), asked.filter((name) => name === 'EmailSubmission/set')]).toEqual([['Đã gửi thư.'], Array(3).fill('EmailSubmission/set')]);
  });

  it('is said as long as it waits, and after a reload', async () => {
    answers(0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
    sendLater(LETTER);
    await mock.advanceTimersByTimeAsync(30_000);
    expect([texts(), stuck()]).toEqual([['Mất kết nối máy chủ. Thư sẽ tự gửi khi kết nối lại, nếu trang này còn mở.'], 1]);
    const leaving = new Event('beforeunload', { cancelable: true });
    window.dispatchEvent(leaving);
    expect(leaving.defaultPrevented).toBe(true);
    const before = sessionStorage.getItem('congvu.waiting') ?? '';
    await holdBack('e1');
    expect([stuck(), sessionStorage.getItem('congvu.waiting')]).toEqual([0, null]);
    // The new page knows what the old one noted.
    sessionStorage.setItem('congvu.waiting', before);
    toasts.value = [];
    const asked = answers();
    await offerWaiting();
    expect([texts(), asked]).toEqual([['Một thư bấm gửi trước đó chưa đi, còn ở Thư nháp.'], ['Email/get']]);
    toasts.value[0]?.other?.run();
    await mock.waitFor(() => expect(texts()).toEqual(['Đã gửi thư.']));
  });

  it('is kept over a new sign-in', async () => {
    answers(401);
    mock.spyOn(location, 'assign').mockImplementation(() => undefined);
    sendLater(LETTER);
    await mock.advanceTimersByTimeAsync(10_500);
    expect(sessionStorage.getItem('congvu.waiting')).toContain('"draft":"e1"');
  });

  it('is opened for editing only when the answer has come', async () => {
    let answer: (response: Response) => void = () => undefined;
    mock.stubGlobal('fetch', () => new Promise((resolve) => { answer = resolve; }));
    sendLater(LETTER);
    await mock.advanceTimersByTimeAsync(10_500);
    let opened = false;
    const opening = holdBack('e1').then(() => { opened = true; });
    await mock.advanceTimersByTimeAsync(10);
    expect(opened).toBe(false);
    answer(new Response(JSON.stringify({ methodResponses: [['EmailSubmission/set', { created: {} }, '0']] })));
    await opening;
    expect(texts()).toEqual(['Đã gửi thư.']);
  });
});

describe('conversation', () => {
  it('shows a letter to oneself once, as it was opened', () => {
    const row = (id: string) => ({ id }) as EmailRow;
    const names = new Map([['in', 'm1'], ['sent', 'm1'], ['other', 'm2']]);
    const ids = (open: string) => withoutTwins([row('sent'), row('in'), row('other'), row('bare')], open, names).map(({ id }) => id);
    expect([ids('in'), ids('other')]).toEqual([['in', 'other', 'bare'], ['sent', 'other', 'bare']]);
  });
});

describe('urgency', () => {
  it.each([
    ['[HỎA TỐC] Báo cáo', 'most', 'Báo cáo'], ['Hoả tốc: họp', 'most', 'họp'], ['(Thượng khẩn) họp', 'very', 'họp'], ['KHẨN - họp', 'urgent', 'họp'],
    ['Khẩn trương triển khai', null, 'Khẩn trương triển khai'], ['Re: [KHẨN] họp', null, 'Re: [KHẨN] họp'], ['', null, ''], ['[KHẨN]', 'urgent', ''],
  ])('%s', (subject, urgency, rest) => {
    expect(marked(subject)).toEqual({ urgency, rest });
  });

  it('is put on and taken off', () => {
    expect(withMark('họp', 'very')).toBe('[THƯỢNG KHẨN] họp');
    expect(withMark('[KHẨN] họp', 'most')).toBe('[HỎA TỐC] họp');
    expect(withMark('[KHẨN] họp', null)).toBe('họp');
  });
});
