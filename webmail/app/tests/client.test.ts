// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it, vi as mock } from 'vitest';
import {
  MethodError, Refused, Unreachable, downloadAddress, letterAddress, reach, request, settle, uploadAddress, useSession,
} from '../src/jmap/client';

const SESSION = {
  apiUrl: 'https://other.example/jmap/api', uploadUrl: 'https://other.example/jmap/upload/{accountId}/',
  downloadUrl: '/jmap/download/{accountId}/{blobId}/{name}?type={type}', eventSourceUrl: '/jmap/eventsource/?types={types}',
  primaryAccounts: { 'urn:ietf:params:jmap:mail': 'a1' }, accounts: { a1: { name: 'x', isPersonal: true } }, capabilities: {},
};

const answer = (methodResponses: unknown[], status = 200) =>
  Promise.resolve(new Response(JSON.stringify({ methodResponses }), { status }));

beforeEach(() => useSession(SESSION));
afterEach(() => mock.unstubAllGlobals());

describe('addresses', () => {
  it('stay on the host in the address bar and are escaped', () => {
    expect(uploadAddress()).toBe('/jmap/upload/a1/');
    expect(downloadAddress('b/1', 'Công văn?.pdf', 'application/pdf'))
      .toBe('/jmap/download/a1/b%2F1/C%C3%B4ng%20v%C4%83n%3F.pdf?type=application%2Fpdf');
    expect(letterAddress('e/../x', false)).toBe('/mail/html/a1/e%2F..%2Fx?images=0');
  });
});

describe('request', () => {
  it('gives each call its own answer, not the implicit one that follows it', async () => {
    mock.stubGlobal('fetch', () => answer([
      ['EmailSubmission/set', { created: { send: { id: 's1' } } }, '0'], ['Email/set', { updated: {} }, '0'],
    ]));
    expect(await request([['EmailSubmission/set', {}]])).toEqual([{ created: { send: { id: 's1' } } }]);
  });

  it('sends the marks against forgery and the account', async () => {
    const fetch = mock.fn((_url: string, _init: RequestInit) => answer([['Mailbox/get', {}, '0']]));
    mock.stubGlobal('fetch', fetch);
    await request([['Mailbox/get', { ids: null }]]);
    const [url, init] = fetch.mock.calls[0] ?? [];
    expect(url).toBe('/jmap/api');
    expect(init?.headers).toMatchObject({ 'x-congvu': '1', 'content-type': 'application/json' });
    expect(JSON.parse(String(init?.body)).methodCalls).toEqual([['Mailbox/get', { accountId: 'a1', ids: null }, '0']]);
  });

  it('throws a method error, settles it as a value', async () => {
    mock.stubGlobal('fetch', () => answer([['Mailbox/get', { list: [] }, '0'], ['error', { type: 'cannotCalculateChanges' }, '1']]));
    await expect(request([['Mailbox/get', {}], ['Email/changes', {}]])).rejects.toMatchObject({ type: 'cannotCalculateChanges' });
    const [good, bad] = await settle([['Mailbox/get', {}], ['Email/changes', {}]]);
    expect([good, bad instanceof MethodError]).toEqual([{ list: [] }, true]);
  });

  it('tells an unreachable server from one that answers', async () => {
    const told: boolean[] = [];
    reach.changed = (yes) => told.push(yes);
    mock.stubGlobal('fetch', () => Promise.reject(new TypeError('network')));
    await expect(request([['Mailbox/get', {}]])).rejects.toBeInstanceOf(Unreachable);
    mock.stubGlobal('fetch', () => answer([], 503));
    await expect(request([['Mailbox/get', {}]])).rejects.toBeInstanceOf(Unreachable);
    mock.stubGlobal('fetch', () => answer([['Mailbox/get', {}, '0']]));
    await request([['Mailbox/get', {}]]);
    expect(told).toEqual([false, false, true]);
  });

  it('gives up what is no longer wanted, and says nothing of the server', async () => {
    const told: boolean[] = [];
    reach.changed = (yes) => told.push(yes);
    mock.stubGlobal('fetch', (_: string, { signal }: RequestInit) => new Promise((_resolve, fail) => signal?.addEventListener('abort', () => fail(signal.reason))));
    const asking = new AbortController();
    const given = request([['Email/query', {}]], false, asking.signal);
    asking.abort();
    await expect(given).rejects.toBeInstanceOf(Unreachable);
    expect(told).toEqual([]);
  });

  it('takes an answer that was cut off for none', async () => {
    mock.stubGlobal('fetch', async () => new Response('{"methodResp'));
    await expect(request([['Mailbox/get', {}]])).rejects.toBeInstanceOf(Unreachable);
    mock.stubGlobal('fetch', () => answer([], 403));
    await expect(request([['Mailbox/get', {}]])).rejects.toBeInstanceOf(Refused);
  });

  it('keeps at most four in flight', async () => {
    let now = 0;
    let most = 0;
    mock.stubGlobal('fetch', async () => {
      now += 1;
      most = Math.max(most, now);
      await new Promise((resolve) => setTimeout(resolve, 3));
      now -= 1;
      return new Response(JSON.stringify({ methodResponses: [['Mailbox/get', {}, '0']] }));
    });
    await Promise.all(Array.from({ length: 20 }, () => request([['Mailbox/get', {}]])));
    expect(most).toBe(4);
  });
});
