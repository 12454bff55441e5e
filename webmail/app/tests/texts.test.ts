// @vitest-environment happy-dom
import { afterEach, describe, expect, it } from 'vitest';
import { en } from '../src/en';
import { daysAgo, fileKind, fold, initials, nfc, number, shortTime, size } from '../src/ui/format';
import { speak, t } from '../src/ui/i18n';
import { vi as compose } from '../src/compose/vi';
import { vi as search } from '../src/search/vi';
import { vi as settings } from '../src/settings/vi';
import { vi as trace } from '../src/trace/vi';
import { vi as trust } from '../src/trust/vi';
import { vi } from '../src/vi';

afterEach(() => speak('vi'));

const keys = (value: object, prefix = ''): string[] => Object.entries(value).flatMap(([key, inner]) =>
  (typeof inner === 'object' ? keys(inner as object, `${prefix}${key}.`) : [prefix + key]));

describe('texts', () => {
  it('has the same keys in both languages and no empty text', () => {
    expect(keys(en).sort()).toEqual(keys(vi).sort());
    for (const text of [...Object.values(vi), ...Object.values(en)]) if (typeof text === 'string') expect(text.trim()).not.toBe('');
  });

  const sources = import.meta.glob<string>(['../src/**/*.{ts,tsx}', '!../src/**/{vi,en}.ts'], { query: '?raw', import: 'default', eager: true });
  it.each<[string, object, RegExp]>([
    ['the first load', vi, /\/src\//], ['the settings', settings, /\/settings\//], ['the timeline', trace, /\/trace\/|\/trust\//],
    ['the search box', search, /\/search\//], ['the badge', trust, /\/trust\//], ['the editor', compose, /\/compose\//],
  ])('has no text of %s that nothing shows', (_, texts, where) => {
    const code = Object.entries(sources).filter(([path]) => where.test(path)).map(([, text]) => text).join('\n');
    // Named after a dot, or in quotes where a name is looked up.
    const unused = Object.keys(texts).filter((key) => !new RegExp(`(?:\\.|['"])${key.replace('$', '\\$')}\\b`).test(code));
    expect(unused).toEqual([]);
  });

  it('is written in NFC, as the font wants it', () => {
    expect(JSON.stringify(vi)).toBe(JSON.stringify(vi).normalize('NFC'));
  });

  it('changes language at once', async () => {
    expect(t().roles.inbox).toBe('Hộp thư đến');
    await speak('en');
    expect(t().roles.inbox).toBe('Inbox');
    expect(document.documentElement.lang).toBe('en');
  });

  it('counts in English and not in Vietnamese', () => {
    expect([en.trashed(1), en.trashed(3)]).toEqual(['Message moved to Trash.', '3 messages moved to Trash.']);
    expect(compose.checkRecipients(3)).toBe('3 người nhận');
  });
});

describe('format', () => {
  const now = new Date(2026, 10, 20, 10, 0);
  it.each([
    [new Date(2026, 10, 20, 9, 42), '09:42'], [new Date(2026, 10, 19, 23, 59), '19/11'], [new Date(2025, 0, 2, 8), '02/01/2025'],
  ])('%s is shown as %s', (date, expected) => {
    expect(shortTime(date.toISOString(), now)).toBe(expected);
  });

  it('counts days by the calendar, not by hours', () => {
    expect(daysAgo(new Date(2026, 10, 19, 23, 59), now)).toBe(1);
  });

  it('writes numbers and sizes as here', () => {
    expect(number(12_345)).toBe('12.345');
    expect([size(412_000), size(1_200_000), size(12)]).toEqual(['412 KB', '1,2 MB', '12 B']);
  });

  it('says nothing where a date is broken', () => {
    expect(shortTime('not a date', now)).toBe('');
  });

  it.each([
    ['Nguyễn Văn An', 'NA'], ['annv@tinhmau.gov.vn', 'A'], ['đoàn', 'Đ'], ['', '?'], ['<script>', 'S'],
  ])('initials of %j are %s', (name, expected) => {
    expect(initials(name)).toBe(expected);
  });

  it('folds marks and đ', () => {
    expect(fold('UBND xã Chiêm Hóa, Đà Nẵng')).toBe('ubnd xa chiem hoa, da nang');
  });

  it('strips marks of direction that disguise file names', () => {
    expect(nfc('bao-cao\u202efdp.exe')).toBe('bao-caofdp.exe');
    expect(fileKind('bao-cao.pdf', '').label).toBe('PDF');
  });
});
