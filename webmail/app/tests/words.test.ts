// @vitest-environment happy-dom
// What is typed and what is shown: search, addresses, links, routes, letters' text.
import { describe, expect, it } from 'vitest';
import { added, chip, isAddress, isOutside, split, suggest } from '../src/compose/address';
import { textToHtml } from '../src/compose/clean';
import { linkAddress } from '../src/compose/FormatBar';
import { answerTo, forwardSubject, replySubject } from '../src/compose/quote';
import { htmlToText } from '../src/compose/text';
import { blocks, linkify } from '../src/mail/linkify';
import { parse, print } from '../src/state/route';
import { both, parseSearch } from '../src/state/search';

describe('search', () => {
  it.each([
    ['báo cáo', { text: 'báo cáo' }],
    ['từ:Sở Nội vụ có:tệp', { operator: 'AND', conditions: [{ from: 'Sở Nội vụ' }, { hasAttachment: true }] }],
    ['from:Tran has:file', { operator: 'AND', conditions: [{ from: 'Tran' }, { hasAttachment: true }] }],
    ['họp chưa:đọc', { operator: 'AND', conditions: [{ text: 'họp' }, { notKeyword: '$seen' }] }],
    ['tiêu đề:"giấy mời" họp', { operator: 'AND', conditions: [{ subject: 'giấy mời' }, { text: 'họp' }] }],
    ['12:30', { text: '12:30' }],
    ['   ', {}],
  ])('%s', (text, filter) => {
    expect(parseSearch(text)).toEqual(filter);
  });

  it('joins filters without losing either', () => {
    expect(both({ inMailbox: 'a' }, { notKeyword: '$seen' })).toEqual({ inMailbox: 'a', notKeyword: '$seen' });
    expect(both({ notKeyword: '$seen' }, { notKeyword: '$flagged' }))
      .toEqual({ operator: 'AND', conditions: [{ notKeyword: '$seen' }, { notKeyword: '$flagged' }] });
  });
});

describe('addresses', () => {
  it.each([
    ['annv@tinhmau.gov.vn', true], ['văn.thư@tỉnh.gov.vn', true], ['annv', false], ['a@b', false], ['a b@c.vn', false],
    ['.a@c.vn', false], ['a..b@c.vn', false], ['a@-c.vn', false], [`${'x'.repeat(65)}@c.vn`, false], ['a@b.vn\nBcc: c@d.vn', false],
  ])('%j: %s', (text, good) => {
    expect(isAddress(text)).toBe(good);
  });

  it('reads names and lists of many', () => {
    expect(chip('"An, Nguyễn" <annv@x.vn>')).toEqual({ name: 'An, Nguyễn', email: 'annv@x.vn', ok: true });
    expect(split('a@x.vn; "B, C" <b@x.vn>\nd@x.vn, xấu').map((one) => [one.email, one.ok]))
      .toEqual([['a@x.vn', true], ['b@x.vn', true], ['d@x.vn', true], ['xấu', false]]);
  });

  it('keeps each address once', () => {
    expect(added([chip('a@x.vn')], [chip('A@x.vn'), chip('b@x.vn')])).toHaveLength(2);
  });

  it('knows who is outside', () => {
    expect(['a@vpcp.gov.vn', 'a@tinhmau.gov.vn', 'a@gmail.com', 'a@notgov.vn'].map((one) => isOutside(one, 'me@tinhmau.gov.vn')))
      .toEqual([false, false, true, true]);
  });

  it('finds people without marks', () => {
    const people = [{ name: 'Hà Thị Chiêm', email: 'chiemht@x.vn' }, { name: 'Đỗ Văn Ba', email: 'badv@x.vn' }];
    expect(suggest(people, 'chiem', [])).toEqual([people[0]]);
    expect(suggest(people, 'do van', [])).toEqual([people[1]]);
    expect(suggest(people, 'chiem', [{ name: null, email: 'CHIEMHT@x.vn' }])).toEqual([]);
  });
});

describe('answers', () => {
  const a = { name: 'A', email: 'a@x.vn' };
  const b = { name: 'B', email: 'b@x.vn' };
  it('goes to Reply-To, and to all others once', () => {
    expect(answerTo({ from: [a], replyTo: [b], to: [a, b], cc: [{ name: null, email: 'B@x.vn' }] }, true))
      .toEqual({ to: [{ ...b, ok: true }, { ...a, ok: true }], cc: [] });
    expect(answerTo({ from: [a], replyTo: null, to: [b], cc: null }, false).to.map((one) => one.email)).toEqual(['a@x.vn']);
  });

  it('does not pile up prefixes', () => {
    expect([replySubject('RE: họp'), replySubject('họp'), forwardSubject('Fw: họp')]).toEqual(['Re: họp', 'Re: họp', 'Fwd: họp']);
  });
});

describe('text', () => {
  it('finds links and leaves the full stop', () => {
    expect(linkify('xem https://a.vn/x(1). hay thu@x.vn,')).toEqual([
      'xem ', { href: 'https://a.vn/x(1)', text: 'https://a.vn/x(1)' }, '. hay ',
      { href: '#/compose/new?to=thu%40x.vn', text: 'thu@x.vn' }, ',',
    ]);
    expect(linkify('javascript:alert(1)')).toEqual(['javascript:alert(1)']);
  });

  it('folds long quotations only', () => {
    expect(blocks('a\n> b\nc').every((block) => !block.quoted)).toBe(true);
    expect(blocks('a\n> 1\n> 2\n> 3\n> 4').map((block) => block.quoted)).toEqual([false, true]);
  });

  it('makes the plain twin of a letter', () => {
    expect(htmlToText('<div>Kính gửi:</div><div><br></div><ul><li>một</li><li>hai</li></ul><ol><li>ba</li></ol>'
      + '<blockquote><div>trích</div><div>dẫn</div></blockquote><div>xem <a href="https://x.vn/a">ở đây</a></div>'))
      .toBe('Kính gửi:\n\n- một\n- hai\n1. ba\n> trích\n> dẫn\nxem ở đây <https://x.vn/a>');
  });
});

// DOMPurify itself is judged in a real browser (tests/clients/browser.mjs): happy-dom's parser is not one.
describe('into the editor', () => {
  it('escapes text', () => {
    expect(textToHtml('a <b>\n\nc')).toBe('<div>a &lt;b&gt;</div><div><br></div><div>c</div>');
  });

  it.each([
    ['tinhmau.gov.vn', 'https://tinhmau.gov.vn'], ['a@x.vn', 'mailto:a@x.vn'], ['javascript:alert(1)', null],
    ['data:text/html,x', null], ['https://x.vn', 'https://x.vn'], ['', null],
  ])('the link %j becomes %j', (typed, href) => {
    expect(linkAddress(typed)).toBe(href);
  });
});

describe('route', () => {
  it.each(['#/box/m1', '#/box/m1/e9', '#/box/inbox/e9', '#/search/t%E1%BB%AB%3AS%E1%BB%9F', '#/compose/reply/e1', '#/compose/new?to=a%40x.vn'])(
    '%s is read and written alike', (hash) => {
      expect(print(parse(hash))).toBe(hash);
    });

  it('survives broken addresses', () => {
    expect(parse('#/box/%E0%A4%A')).toMatchObject({ at: 'box' });
    expect(parse('#/compose/evil/x')).toMatchObject({ at: 'compose', mode: 'new' });
  });
});
