// @vitest-environment happy-dom
// What hangs on a letter: what can be looked at, and all of it in one archive.
import { describe, expect, it } from 'vitest';
import type { Part } from '../src/jmap/objects';
import { crc32, names, zip } from '../src/later/zip';
import { kindOf } from '../src/mail/Files';

const octets = (text: string) => new TextEncoder().encode(text);

describe('archive', () => {
  it('counts as everybody does', () => {
    expect(crc32(octets('123456789'))).toBe(0xcbf43926);
    expect(crc32(octets(''))).toBe(0);
  });

  it('has each file once, under a name that stays in its folder', () => {
    expect(names(['a.pdf', 'A.pdf', 'a.pdf', '../../etc/passwd', 'c:\\x?.txt', '', '.rc', 'không đuôi', 'không đuôi'])).toEqual([
      'a.pdf', 'A (2).pdf', 'a (3).pdf', '__.._etc_passwd', 'c__x_.txt', '_', '_rc', 'không đuôi', 'không đuôi (2)',
    ]);
  });

  it('is a ZIP of stored files with names in UTF-8', async () => {
    const view = new DataView(await zip([{ name: 'Báo cáo.txt', data: octets('một') }, { name: 'b', data: octets('') }], new Date(2026, 10, 24, 9, 30, 10)).arrayBuffer());
    const end = view.byteLength - 22;
    expect([view.getUint32(0, true), view.getUint32(end, true)]).toEqual([0x04034b50, 0x06054b50]);
    expect([view.getUint16(end + 8, true), view.getUint16(end + 10, true)]).toEqual([2, 2]);
    const central = view.getUint32(end + 16, true);
    expect([view.getUint32(central, true), view.getUint32(central + 16, true), view.getUint32(central + 24, true)]).toEqual([0x02014b50, crc32(octets('một')), octets('một').length]);
    expect(central + view.getUint32(end + 12, true)).toBe(end);
    expect(new TextDecoder().decode(view.buffer.slice(30, 30 + view.getUint16(26, true)))).toBe('Báo cáo.txt');
  });
});

describe('preview', () => {
  it.each([
    ['image/png', 'picture'], ['image/svg+xml', null], ['text/plain', 'text'], ['text/html', null], ['message/rfc822', 'letter'], ['application/pdf', null],
  ])('of %s is %s', (type, kind) => {
    expect(kindOf({ type } as Part)).toBe(kind);
  });
});
