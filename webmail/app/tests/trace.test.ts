// @vitest-environment happy-dom
// Where a letter went, in words; who is asked, and when.
import { afterEach, beforeEach, describe, expect, it, vi as mock } from 'vitest';
import { useSession } from '../src/jmap/client';
import { Refused, rest } from '../src/jmap/rest';
import { fault, isChanged, save } from '../src/settings/forward';
import { en as settingsEn } from '../src/settings/en';
import { vi as settingsVi } from '../src/settings/vi';
import { whereabouts } from '../src/state/whereabouts';
import { en } from '../src/trace/en';
import { type Happening, type Item, type Progress, type State, type Timeline, find, nearest } from '../src/trace/objects';
import { follow, forget, match } from '../src/trace/sent';
import { answer, checks, encryption, headline, sorted, standing, steps, verdict } from '../src/trace/story';
import { vi } from '../src/trace/vi';

const SESSION = {
  apiUrl: '/jmap/api', uploadUrl: '', downloadUrl: '', eventSourceUrl: '',
  primaryAccounts: { 'urn:ietf:params:jmap:mail': 'a7' }, accounts: { a7: { name: 'x', isPersonal: true } }, capabilities: {},
};

beforeEach(() => useSession(SESSION));
afterEach(() => mock.unstubAllGlobals());

const item = (change: Partial<Item> = {}): Item => ({
  id: '1nbtxw0abcdefgh', accepted_at: '2026-11-23T02:00:00Z', sender: 'an@x.vn', recipients: ['b@y.vn'], message_id: '<m@x>', state: 'placed', failed: 0,
  origin: { kind: 'submitted', ip: '10.0.0.9', helo: 'may', protocol: 'ESMTPSA', tls: null }, checks: [], ...change,
});
const event = (change: Partial<Happening>): Happening => ({
  at: '2026-11-23T02:00:00Z', kind: 'queued', recipients: [], hop: null, tls: null, results: [], late: null, good: null, notice: null, act: null, ...change,
});
const progress = (state: State, change: Partial<Progress> = {}): Progress => ({
  recipient: `${state}@y.vn`, state, at: '2026-11-23T02:00:00Z', next_try: null, tries: 0, said: null, meaning: null, hop: null, tls: null, ...change,
});

describe('texts', () => {
  const keys = (value: object, prefix = ''): string[] => Object.entries(value).flatMap(([key, inner]) =>
    (typeof inner === 'object' ? keys(inner as object, `${prefix}${key}.`) : [prefix + key]));
  it.each([['trace', vi, en], ['settings', settingsVi, settingsEn]])('%s is whole in both languages and NFC', (_, one, other) => {
    expect(keys(other).sort()).toEqual(keys(one).sort());
    expect(JSON.stringify(one)).toBe(JSON.stringify(one).normalize('NFC'));
  });
});

describe('headline', () => {
  it.each<[State[], string, string]>([
    [['placed'], 'ok', 'Đã đến hộp thư người nhận'],
    [['relayed'], 'ok', 'Đã đến máy chủ nơi nhận'],
    [['sent_on'], 'ok', 'Đã chuyển tới nơi địa chỉ này dẫn đến'],
    [['placed', 'relayed', 'sent_on'], 'ok', 'Đã đến cả 3 người nhận'],
    [['placed', 'waiting'], 'wait', 'Đang chờ gửi tới 1 trong 2 người nhận'],
    [['waiting'], 'wait', 'Đang chờ gửi'],
    [['held'], 'wait', 'Quản trị viên đang giữ lại'],
    [['scheduled'], 'plain', 'Hẹn giờ gửi'],
    [['failed', 'waiting', 'placed'], 'bad', 'Không gửi được tới 1 trong 3 người nhận'],
    [['failed'], 'bad', 'Không gửi được'],
  ])('%j', (states, tone, text) => {
    expect(headline(states, vi, String)).toEqual({ tone, text });
  });
});

describe('standing', () => {
  const time = (iso: string) => iso.slice(11, 16);
  const now = Date.parse('2026-11-23T02:05:00Z');
  it.each<[Progress, string]>([
    [progress('placed'), 'Đã vào hộp thư · 02:00'],
    [progress('waiting', { next_try: '2026-11-23T02:15:00Z' }), 'Đang chờ, sẽ thử lại lúc 02:15'],
    [progress('waiting', { next_try: '2026-11-23T02:01:00Z' }), 'Đang chờ, sẽ thử lại ngay khi nơi nhận trả lời'],
    [progress('waiting'), 'Đang chờ, sẽ thử lại ngay khi nơi nhận trả lời'],
    [progress('scheduled', { next_try: '2026-11-24T01:00:00Z' }), 'Hẹn giờ gửi, sẽ gửi lúc 01:00'],
  ])('%#', (one, text) => {
    expect(standing(one, vi, time, now)).toBe(text);
  });

  it('puts who is in trouble first and keeps the order otherwise', () => {
    const all = [progress('placed'), progress('waiting'), progress('relayed'), progress('failed')];
    expect(sorted(all).map((one) => one.state)).toEqual(['failed', 'waiting', 'placed', 'relayed']);
  });
});

describe('words of others', () => {
  it.each([
    ['5.1.1 mx.y.vn[192.0.2.1] said to RCPT TO: 550 5.1.1 no: not here', 'mx.y.vn', '550 5.1.1 no: not here'],
    ['5.4.7 not delivered in time: mx said to the session: 421 busy', 'mx', '421 busy'],
    ['4.4.1 nobody answers', null, '4.4.1 nobody answers'],
    ['', null, ''],
  ])('%j', (said, host, words) => {
    expect(answer(said)).toEqual({ host, words });
  });

  it.each([
    [null, 'Không mã hoá'], ['TLSv1.3 TLS13_AES_256_GCM_SHA384', 'Mã hoá TLS 1.3'],
    ['TLSv1_2 X; DANE; verified', 'Mã hoá TLS 1.2, đã xác minh nơi nhận'], ['TLSv1.3 X; opportunistic; not verified', 'Mã hoá TLS 1.3'],
  ])('TLS %j', (tls, text) => {
    expect(encryption(tls, vi)).toBe(text);
  });
});

describe('steps', () => {
  const timeline: Timeline = {
    message: item(), progress: [],
    events: [
      event({}),
      event({ kind: 'placed', recipients: ['c@x.vn'] }),
      event({ kind: 'tried', hop: 'y.vn', tls: 'TLSv1.3 X; opportunistic; not verified', results: [
        { outcome: 'deferred', said: '4.7.1 mx.y.vn[192.0.2.1] said to RCPT TO: 451 4.7.1 wait', recipients: ['b@y.vn'] },
        { outcome: 'relayed', said: '2.0.0 mx.y.vn[192.0.2.1] said to DATA: 250 ok', recipients: ['d@y.vn'] },
      ] }),
      event({ kind: 'act', act: 'queue.hold' }),
      event({ at: '2026-11-23T03:00:00Z', kind: 'told', recipients: ['b@y.vn'], late: false, good: false, notice: 'n' }),
      event({ at: '2026-11-23T03:00:00Z', kind: 'tried', hop: 'y.vn', results: [{ outcome: 'failed', said: '5.1.1 mx.y.vn said to RCPT TO: 550 no', recipients: ['b@y.vn'] }] }),
    ],
  };

  it('tell of one recipient, in order, with what the other server said', () => {
    expect(steps(timeline, 'b@y.vn', vi).map(({ text, said }) => [text, said])).toEqual([
      ['Máy chủ nhận thư từ bạn (phần mềm thư tại 10.0.0.9)', undefined],
      ['Xếp hàng chờ gửi', undefined],
      ['Thử gửi tới mx.y.vn: chưa được', '451 4.7.1 wait'],
      ['Quản trị viên giữ thư lại', undefined],
      ['mx.y.vn từ chối thư', '550 no'],
      ['Bạn được báo bằng thư là không gửi được', undefined],
    ]);
  });

  it('tell nobody of others', () => {
    const told = JSON.stringify(steps(timeline, 'c@x.vn', vi));
    expect(told).toContain('Vào hộp thư người nhận');
    expect(told).not.toContain('mx.y.vn');
    expect(told).not.toContain('Quản trị viên');
  });

  it('what lies in another’s mailbox is not said to lie in the recipient’s', () => {
    const on = { ...timeline, events: [event({ kind: 'sent_on', recipients: ['b@y.vn'] })] };
    expect(steps(on, 'b@y.vn', vi).at(-1)).toMatchObject({ tone: 'ok', text: 'Đã chuyển tới nơi địa chỉ này dẫn đến' });
    expect(steps(on, 'c@y.vn', vi)).toHaveLength(1);
  });

  it('a server that did not answer has refused nothing', () => {
    const lost = { ...timeline, events: [event({ kind: 'tried', hop: 'z.vn', results: [{ outcome: 'failed', said: '5.1.2 DNS knows no domain z.vn', recipients: ['b@z.vn'] }] })] };
    expect(steps(lost, 'b@z.vn', vi).at(-1)).toMatchObject({ tone: 'bad', text: 'Không gửi được', said: '5.1.2 DNS knows no domain z.vn' });
  });
});

describe('whence a letter came', () => {
  const remote = (lines: string[]) => item({ origin: { kind: 'remote', ip: '192.0.2.9', helo: 'mail.noi.vn', protocol: 'ESMTPS', tls: 'TLSv1.3 X' }, checks: lines });
  const FORGED = ['spf=softfail noi.vn', 'dmarc=fail noi.vn, its policy is reject', 'put into Junk'];

  it.each<[Item, string, string]>([
    [item(), 'ok', 'Người gửi đã đăng nhập'],
    [item({ origin: { ...item().origin, kind: 'generated' } }), 'ok', 'Thư của hệ thống'],
    [remote(['spf=pass noi.vn', 'dmarc=pass noi.vn, its policy is reject']), 'ok', 'Đúng là thư của tên miền người gửi'],
    [remote(FORGED), 'bad', 'Có dấu hiệu giả mạo người gửi'],
    [remote(['dmarc=none noi.vn']), 'wait', 'Chưa xác minh được người gửi'],
    [remote([]), 'wait', 'Chưa xác minh được người gửi'],
  ])('%#', (one, tone, title) => {
    expect(verdict(one, vi)).toMatchObject({ tone, title });
  });

  it('each check is told in words, with the domain', () => {
    expect(checks(FORGED, vi)).toEqual([
      { name: 'SPF', tone: 'wait', text: 'noi.vn không chắc máy chủ này được phép gửi' },
      { name: 'DKIM', tone: 'wait', text: 'Thư không có chữ ký của tên miền' },
      { name: 'DMARC', tone: 'bad', text: 'Người gửi không khớp với noi.vn' },
    ]);
    expect(checks(['dkim=temperror "no?.vn": no answer', 'spf=constructor x.vn', 'other'], vi).map((one) => one.text))
      .toEqual(['Chưa kiểm tra được chữ ký của no?.vn', 'Chưa kiểm tra được máy chủ gửi của x.vn']);
    expect(verdict(remote(FORGED), vi).text).toContain('Thư rác');
  });

  it('of several acceptances the one at the letter’s time is meant', () => {
    const items = [item({ id: 'new', accepted_at: '2026-11-23T09:00:00Z' }), item({ id: 'old' })];
    expect(nearest(items, { receivedAt: '2026-11-23T02:00:01Z' })?.id).toBe('old');
    expect(nearest([], { receivedAt: '2026-11-23T02:00:01Z' })).toBeUndefined();
  });
});

describe('what is asked', () => {
  const json = (body: unknown, status = 200) => Promise.resolve(new Response(JSON.stringify(body), { status }));

  it('is one’s own, by Message-ID and within the letter’s days', async () => {
    const fetch = mock.fn((_url: string, _init: RequestInit) => json({ items: [item()] }));
    mock.stubGlobal('fetch', fetch);
    expect(await find({ messageId: ['m@x'], receivedAt: '2026-11-23T02:00:00Z' })).toHaveLength(1);
    const url = new URL(fetch.mock.calls[0]?.[0] ?? '', 'https://x');
    expect(url.pathname).toBe('/api/v1/trace');
    expect(Object.fromEntries(url.searchParams)).toEqual({
      mine: 'true', message_id: 'm@x', limit: '10', since: '2026-11-20T02:00:00Z', until: '2026-11-26T02:00:00Z',
    });
    expect(await find({ messageId: null, receivedAt: '2026-11-23T02:00:00Z' })).toEqual([]);
    expect(fetch).toHaveBeenCalledTimes(1);
  });

  it('a refusal comes with the server’s reason, a failure does not', async () => {
    mock.stubGlobal('fetch', () => json({ detail: 'x', errors: [{ field: 'to', detail: 'địa chỉ trong hệ thống này' }] }, 422));
    await expect(rest('x')).rejects.toMatchObject({ status: 422, message: 'địa chỉ trong hệ thống này' });
    mock.stubGlobal('fetch', () => json({}, 503));
    await expect(rest('x')).rejects.not.toBeInstanceOf(Refused);
  });

  it('states of Sent come in two requests, and what arrived is not asked for again', async () => {
    const asked: string[] = [];
    mock.stubGlobal('fetch', (url: string) => {
      asked.push(url.split('?')[0] ?? '');
      const letters = [{ id: 'e1', messageId: ['m@x'], receivedAt: '2026-11-23T02:00:00Z', from: [{ email: 'an@x.vn' }], sender: null },
        { id: 'e2', messageId: ['w@x'], receivedAt: '2026-11-23T02:00:00Z', from: [{ email: 'an@x.vn' }], sender: null }];
      return url.startsWith('/jmap') ? json({ methodResponses: [['Email/get', { list: letters }, '0']] })
        : json({ items: [item(), item({ message_id: 'w@x', state: 'waiting' })] });
    });
    await follow(['e1', 'e2']);
    expect(asked).toEqual(['/jmap/api', '/api/v1/trace']);
    expect([...whereabouts.value].map(([id, { state }]) => [id, state])).toEqual([['e1', 'arrived'], ['e2', 'waiting']]);
    await follow(['e1', 'e2']);
    expect(asked).toHaveLength(2);
    forget();
    await follow(['e1', 'e2']);
    expect(asked).toHaveLength(4);
  });

  it('only what one submitted counts for Sent, the newest first', () => {
    const letters = [{ id: 'e1', messageId: ['m@x'] }, { id: 'e2', messageId: null }];
    const remote = item({ state: 'failed', origin: { ...item().origin, kind: 'remote' } });
    const found = (...items: Item[]) => [...match(letters, items)];
    expect(found(remote, item({ state: 'relayed' }), item({ state: 'failed' }))).toEqual([['e1', { state: 'arrived', failed: 0, of: 1 }]]);
    // One of several is not all of them.
    const some = item({ state: 'failed', failed: 1, recipients: ['a@y.vn', 'b@y.vn', 'c@y.vn'] });
    expect(found(some)).toEqual([['e1', { state: 'failed', failed: 1, of: 3 }]]);
  });
});

describe('forwarding', () => {
  it.each([['', 'notAddress'], ['b@y', 'notAddress'], ['AN@x.vn', 'own'], ['B@y.vn', 'already'], ['c@y.vn', null]])('%j: %s', (text, expected) => {
    expect(fault(text, ['b@y.vn'], 'an@x.vn')).toBe(expected);
  });

  it('a copy matters only where mail goes on', () => {
    const said = { to: [], keep: true, outside: false, version: 0 };
    expect([isChanged({ to: [], keep: false }, said), isChanged({ to: ['b@y.vn'], keep: true }, said)]).toEqual([false, true]);
  });

  it('is saved for one’s own account, on the version that was read', async () => {
    const fetch = mock.fn((_url: string, _init: RequestInit) => Promise.resolve(new Response('{}')));
    mock.stubGlobal('fetch', fetch);
    await save({ to: ['b@y.vn'], keep: false }, 3);
    const [url, init] = fetch.mock.calls[0] ?? [];
    expect([url, init?.method, init?.body]).toEqual(['/api/v1/accounts/7/forwarding', 'PUT', '{"to":["b@y.vn"],"keep":false}']);
    expect(init?.headers).toMatchObject({ 'if-match': '"3"', 'content-type': 'application/json' });
  });
});
