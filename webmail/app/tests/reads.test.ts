// @vitest-environment happy-dom
// Who has looked into one's mailbox: what there are words for, and until when it went on.
import { afterEach, beforeEach, expect, it, vi as mock } from 'vitest';
import { en } from '../src/settings/en';
import { useSession } from '../src/jmap/client';
import { ICON, KNOWN, type Look, elsewhere, end, kindOf, load } from '../src/settings/reads';
import { vi } from '../src/settings/vi';
import { ICONS } from '../src/ui/icon-names';
import { longTime } from '../src/ui/format';

const SESSION = {
  apiUrl: '/jmap/api', uploadUrl: '', downloadUrl: '', eventSourceUrl: '', capabilities: {},
  primaryAccounts: { 'urn:ietf:params:jmap:mail': 'a42' }, accounts: { a42: { name: 'x', isPersonal: true } },
};
beforeEach(() => useSession(SESSION));
afterEach(() => mock.unstubAllGlobals());

const look = (part: Partial<Look>): Look => ({
  id: 7, scope: 'impersonation', by: 'qt@x.vn', reason: 'tìm công văn', at: '2026-11-23T02:00:00Z', until: '2026-11-23T02:15:00Z', order: null, ...part,
});

it('has words and a picture for each kind, in both languages, and for those to come', () => {
  const kinds = [...KNOWN, 'other'].sort();
  for (const texts of [vi, en]) {
    expect(Object.keys(texts.reads).sort()).toEqual(kinds);
    for (const text of Object.values(texts.reads)) expect(text.trim()).not.toBe('');
  }
  expect(new Set(Object.values(vi.reads)).size).toBe(kinds.length);
  expect(Object.keys(ICON).sort()).toEqual(kinds);
  for (const icon of Object.values(ICON)) expect(ICONS).toContain(icon);
  expect(kindOf('trace')).toBe('trace');
  for (const unknown of ['something_new', '', 'other', 'constructor']) expect(kindOf(unknown)).toBe('other');
});

it('has the same texts of the settings in both languages', () => {
  expect(Object.keys(en).sort()).toEqual(Object.keys(vi).sort());
  expect(JSON.stringify(vi)).toBe(JSON.stringify(vi).normalize('NFC'));
});

it('tells the end by the clock on the same day, with the day else, and not where there is none', () => {
  const at = new Date(2026, 10, 23, 9, 0);
  const until = (minutes: number) => look({ at: at.toISOString(), until: new Date(at.getTime() + minutes * 60_000).toISOString() });
  expect(end(until(15))).toBe('09:15');
  expect(end(until(0))).toBe('');
  expect(end(until(24 * 60))).toBe(longTime(new Date(2026, 10, 24, 9, 0).toISOString()));
  expect(end(look({ until: 'not a date' }))).toBe('');
});

it('names the mailbox where it is another than one\'s own', () => {
  expect(elsewhere(look({ account: 7, account_address: 'vanthu@x.vn' }))).toBe('vanthu@x.vn');
  expect(elsewhere(look({ account: 42, account_address: 'an@x.vn' }))).toBe('');
  expect([elsewhere(look({ account: null })), elsewhere(look({}))]).toEqual(['', '']);
});

it('asks for one page after the other', async () => {
  const asked: string[] = [];
  mock.stubGlobal('fetch', async (url: string) => {
    asked.push(url);
    return new Response(JSON.stringify({ items: [look({})], cursor: 'a+1' }));
  });
  const page = await load(null);
  await load(page.cursor);
  const path = '/api/v1/accounts/42/reads?limit=20';
  expect(asked).toEqual([path, `${path}&cursor=a%2B1`]);
});
