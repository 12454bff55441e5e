// @vitest-environment happy-dom
// Who a letter is from, by what the server wrote above it; whom nobody can talk into believing.
import { describe, expect, it } from 'vitest';
import { en } from '../src/trust/en';
import { type Field, type Judgement, distance, house, isLike, judge, markOf } from '../src/trust/judge';
import { vi } from '../src/trust/vi';

const OWN = ['tinhmau.gov.vn'];
const received = (how: string, by = 'mail.tinhmau.gov.vn'): Field =>
  ({ name: 'Received', value: ` from mail.noi.example ([192.0.2.9])\r\n\tby ${by} with ${how} id 1\r\n\tfor <a@tinhmau.gov.vn>; x` });
const results = (text: string, by = 'mail.tinhmau.gov.vn'): Field => ({ name: 'Authentication-Results', value: ` ${by};\r\n\t${text}` });
const passed = (who: string) =>
  results(`spf=pass smtp.mailfrom=${who};\r\n\tspf=none smtp.helo=mx.${who};\r\n\tdkim=pass header.d=${who} header.s=s;\r\n\tdmarc=pass (p=reject dis=none) header.from=${who}`);
const disowned = results('spf=fail smtp.mailfrom=tinhmau.gov.vn;\r\n\tdmarc=fail (p=reject dis=none) header.from=tinhmau.gov.vn');
const of = (email: string, fields: Field[], more: Partial<Parameters<typeof judge>[0]> = {}): Judgement =>
  judge({ from: [{ name: null, email }], replyTo: null, fields, ...more }, OWN);

describe('from whom', () => {
  it.each<[string, string, Field[], string]>([
    ['a sender who signed in', 'b@tinhmau.gov.vn', [received('ESMTPSA')], 'inside'],
    ['a sender in the webmail', 'b@tinhmau.gov.vn', [received('JMAP')], 'inside'],
    ['another agency', 'b@vpcp.gov.vn', [passed('vpcp.gov.vn'), received('ESMTPS')], 'state'],
    ['a company', 'b@congty.vn', [passed('congty.vn'), received('ESMTPS')], 'outside'],
    ['a part of a company', 'b@tin.congty.vn', [passed('congty.vn'), received('ESMTPS')], 'outside'],
    ['nobody knows', 'b@congty.vn', [results('spf=none smtp.mailfrom=congty.vn;\r\n\tdkim=none;\r\n\tdmarc=none (p=none dis=none) header.from=congty.vn'), received('ESMTP')], 'unproved'],
    ['a server that did not look', 'b@congty.vn', [received('ESMTP')], 'unchecked'],
    ['a colleague whose letter a trusted server brought', 'ct@tinhmau.gov.vn', [received('LMTP')], 'unchecked'],
    ['a sibling office without DMARC, signed', 'b@xa.tinhmau.gov.vn', [results('spf=pass smtp.mailfrom=noi.example;\r\n\tdkim=pass header.d=xa.tinhmau.gov.vn;\r\n\tdmarc=none header.from=xa.tinhmau.gov.vn'), received('ESMTPS')], 'weak'],
    ['a sibling office by its own server', 'b@xa.tinhmau.gov.vn', [results('spf=pass smtp.mailfrom=xa.tinhmau.gov.vn;\r\n\tdkim=none;\r\n\tdmarc=none header.from=xa.tinhmau.gov.vn'), received('ESMTPS')], 'weak'],
    ['a company without DMARC, signed', 'b@congty.vn', [results('dkim=pass header.d=congty.vn;\r\n\tdmarc=none header.from=congty.vn'), received('ESMTPS')], 'weak'],
    ['signed by somebody else', 'b@congty.vn', [results('dkim=pass header.d=la.example;\r\n\tdmarc=none header.from=congty.vn'), received('ESMTPS')], 'unproved'],
    ['a neighbour under a name that is given to anybody', 'b@a.id.vn', [results('dkim=pass header.d=x.id.vn;\r\n\tdmarc=none header.from=a.id.vn'), received('ESMTPS')], 'unproved'],
    ['DNS that is silent', 'ct@tinhmau.gov.vn', [results('spf=temperror smtp.mailfrom=tinhmau.gov.vn;\r\n\tdmarc=temperror header.from=tinhmau.gov.vn'), received('ESMTPS')], 'unchecked'],
    ['who says to be of the house, without DMARC', 'ct@tinhmau.gov.vn', [results('spf=none smtp.mailfrom=la.example;\r\n\tdkim=none;\r\n\tdmarc=none header.from=tinhmau.gov.vn'), received('ESMTP')], 'forged'],
    ['whom the domain disowns', 'b@congty.vn', [results('dmarc=fail (p=reject dis=quarantine) header.from=congty.vn'), received('ESMTP')], 'failed'],
    ['who says to be of the house', 'ct@tinhmau.gov.vn', [disowned, received('ESMTP')], 'forged'],
    ['who says to be of a part of it', 'ct@so.tinhmau.gov.vn', [results('dmarc=fail header.from=so.tinhmau.gov.vn'), received('ESMTPS')], 'forged'],
    ['the house by another way, proved', 'b@tinhmau.gov.vn', [passed('tinhmau.gov.vn'), received('ESMTPS')], 'state'],
    ['a copy of one’s own', 'a@tinhmau.gov.vn', [], 'none'],
  ])('%s', (_, email, fields, kind) => {
    expect(of(email, fields).kind).toBe(kind);
  });

  it('believes no field that stands below the server’s own, nor one in another’s name', () => {
    expect(of('b@vpcp.gov.vn', [received('ESMTP'), passed('vpcp.gov.vn')]).kind).toBe('unchecked');
    expect(of('b@vpcp.gov.vn', [{ ...passed('vpcp.gov.vn'), value: ' mail.vpcp.gov.vn; dmarc=pass header.from=vpcp.gov.vn' }, received('ESMTP')]).kind).toBe('unchecked');
    expect(of('ct@tinhmau.gov.vn', [disowned, received('ESMTP'), received('ESMTPSA', 'mail.khac.vn')]).kind).toBe('forged');
  });

  it('says nothing for or against what an old server took', () => {
    const old = 'old.tinhmau.gov.vn';
    const copied = (fields: Field[]) => judge({ from: [{ name: null, email: 'b@tinhmau.gov.vn' }], replyTo: null, fields }, OWN, 'mail.tinhmau.gov.vn');
    const all = [[received('LMTP', old)], [received('ESMTPSA', old)], [results('dmarc=fail header.from=tinhmau.gov.vn', old), received('ESMTP', old)]];
    expect(all.map((fields) => [copied(fields).kind, markOf(copied(fields))])).toEqual(all.map(() => ['unchecked', null]));
    expect(copied([disowned, received('ESMTP')]).kind).toBe('forged');
    expect(copied([received('ESMTPSA')]).kind).toBe('inside');
  });

  it('takes what is proved of one domain for no other', () => {
    expect(of('b@vpcp.gov.vn', [passed('congty.vn'), received('ESMTP')]).kind).toBe('unproved');
    expect(of('b@x.congty.vn', [results('x=1 (dmarc=pass header.from=congty.vn); dmarc=fail header.from=congty.vn'), received('ESMTP')]).kind).toBe('failed');
    const two = [{ name: null, email: 'b@congty.vn' }, { name: null, email: 'c@khac.vn' }];
    expect(of('', [passed('congty.vn'), received('ESMTP')], { from: two }).kind).toBe('unproved');
    expect(of('', [disowned, received('ESMTP')], { from: null })).toMatchObject({ kind: 'unproved', domain: '' });
  });

  it('tells what it saw in the words of the timeline', () => {
    expect(of('b@congty.vn', [passed('congty.vn'), received('ESMTP')])).toMatchObject({
      host: 'mail.noi.example', lines: ['spf=pass congty.vn', 'dkim=pass congty.vn', 'dmarc=pass congty.vn'],
    });
  });
});

describe('likenesses', () => {
  it.each([
    ['tinhrnau.gov.vn', true], ['tinhmau-gov.vn', true], ['tinhmau.gov.vn.example', true], ['t1nhmau.gov.vn', true], ['tinhmaus.gov.vn', true],
    ['tinhmau.gov.vn', false], ['so.tinhmau.gov.vn', false], ['vpcp.gov.vn', false], ['gmail.com', false], ['tinhbac.gov.vn', false],
  ])('%s: %s', (domain, like) => {
    expect(isLike(domain, 'tinhmau.gov.vn')).toBe(like);
  });

  it('takes short names for what they are', () => {
    expect(isLike('abd.gov.vn', 'abc.gov.vn')).toBe(false);
  });

  it('knows what an organisation registered, and how far two names are apart', () => {
    expect([house('a.b.tinhmau.gov.vn'), house('mail.congty.vn'), house('x.congty.com.vn')]).toEqual(['tinhmau.gov.vn', 'congty.vn', 'congty.com.vn']);
    expect([distance('abc', 'abc'), distance('abc', 'axc'), distance('', 'ab'), distance('abcd', 'bcd')]).toEqual([0, 1, 2, 1]);
  });

  it('does not confuse two provinces of which each is proved', () => {
    const fields = [passed('kiengiang.gov.vn'), received('ESMTPS')];
    const found = (given: Field[]) => judge({ from: [{ name: null, email: 'b@kiengiang.gov.vn' }], replyTo: null, fields: given }, ['tiengiang.gov.vn']);
    expect([found(fields).like, markOf(found(fields)), found([received('ESMTP')]).like]).toEqual([null, null, 'tiengiang.gov.vn']);
  });

  it('sees addresses in names and answers that go elsewhere', () => {
    const odd = judge({
      from: [{ name: 'Chủ tịch ct@tinhmau.gov.vn', email: 'x@la.example' }], replyTo: [{ name: null, email: 'y@khac.example' }], fields: [received('ESMTP')],
    }, OWN);
    expect([odd.named, odd.answers]).toEqual(['ct@tinhmau.gov.vn', 'y@khac.example']);
  });
});

describe('marks in the list', () => {
  it('are for bad news only', () => {
    expect([
      of('ct@tinhmau.gov.vn', [disowned, received('ESMTP')]), of('b@tinhmau-gov.vn', [passed('tinhmau-gov.vn'), received('ESMTP')]),
      of('b@congty.vn', [received('ESMTP')]), of('b@tinhmau.gov.vn', [received('JMAP')]), of('b@tinhmau-gov.vn', []),
    ].map(markOf)).toEqual(['forged', 'like', null, null, null]);
  });
});

it('has the same texts in both languages, in NFC', () => {
  const keys = (value: object, prefix = ''): string[] => Object.entries(value).flatMap(([key, inner]) =>
    (typeof inner === 'object' ? keys(inner as object, `${prefix}${key}.`) : [prefix + key]));
  expect(keys(en).sort()).toEqual(keys(vi).sort());
  expect(JSON.stringify(vi)).toBe(JSON.stringify(vi).normalize('NFC'));
});
