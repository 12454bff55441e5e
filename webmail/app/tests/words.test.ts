// @vitest-environment happy-dom
// What is typed and what is shown: search, addresses, links, routes, letters' text.
import { describe, expect, it, vi as mock } from 'vitest';
import { added, chip, chipOf, isAddress, isOutside, split, suggest } from '../src/compose/address';
import { textToHtml } from '../src/compose/clean';
import { linkAddress } from '../src/compose/FormatBar';
import { answerTo, forwardSubject, replySubject } from '../src/compose/quote';
import { htmlToText } from '../src/compose/text';
import { MANY, wrong } from '../src/compose/wrong';
import { blocks, linkify } from '../src/mail/linkify';
import { parse, print } from '../src/state/route';
import { offer } from '../src/search/Panel';
import { follow, pieces } from '../src/search/snippets';
import { snippets } from '../src/state/snippets';
import { useSession } from '../src/jmap/client';
import { both, parseSearch } from '../src/state/search';

describe('search', () => {
  it.each([
    ['báo cáo', { text: 'báo cáo' }],
    ['từ:Sở Nội vụ có:tệp', { operator: 'AND', conditions: [{ from: 'Sở Nội vụ' }, { hasAttachment: true }] }],
    ['from:Tran has:file', { operator: 'AND', conditions: [{ from: 'Tran' }, { hasAttachment: true }] }],
    ['họp chưa:đọc', { operator: 'AND', conditions: [{ text: 'họp' }, { notKeyword: '$seen' }] }],
    ['tiêu đề:"giấy mời" họp', { operator: 'AND', conditions: [{ subject: '"giấy mời"' }, { text: 'họp' }] }],
    ['12:30', { text: '12:30' }],
    ['   ', {}],
  ])('%s', (text, filter) => {
    expect(parseSearch(text)).toEqual(filter);
  });

  const at = { me: 'an@x.vn', now: new Date(2026, 10, 24, 9), boxes: [{ id: 'm2', name: 'Lưu trữ' }, { id: 'm2', name: 'Archive' }, { id: 'm3', name: 'An ninh' }, { id: 'm4', name: 'An' }] };
  const day = (month: number, date: number, year = 2026) => new Date(year, month - 1, date).toISOString().replace('.000', '');
  it.each<[string, object]>([
    ['trước:2026-01-01', { before: day(1, 1) }], ['before:01/02/2026', { before: day(2, 1) }], ['truoc:2026-03', { before: day(3, 1) }],
    ['sau:7ngày', { after: day(11, 17) }], ['after:20/11', { after: day(11, 20) }],
    ['ngày:hômqua', { after: day(11, 23), before: day(11, 24) }], ['on:today', { after: day(11, 24), before: day(11, 25) }],
    ['tới:văn thư', { to: 'văn thư' }], ['to:me', { to: 'an@x.vn' }], ['từ:tôi', { from: 'an@x.vn' }], ['tiêuđề:họp', { subject: 'họp' }],
    ['nội dung:"quý III"', { body: '"quý III"' }], ['lớnhơn:1,5MB', { minSize: 1_500_000 }], ['smaller:20k', { maxSize: 20_000 }],
    ['trong:lưutrữ', { inMailbox: 'm2' }], ['in:arch', { inMailbox: 'm2' }], ['nhãn:cầnlàm', { hasKeyword: '$label4' }], ['label:todo', { hasKeyword: '$label4' }],
    ['-dựthảo', { operator: 'NOT', conditions: [{ text: 'dựthảo' }] }], ['-từ:An', { operator: 'NOT', conditions: [{ from: 'An' }] }],
    ['chưa:trảlời', { notKeyword: '$answered' }], ['chưa:xửlý', { notKeyword: 'handled' }],
    ['từ:Sở Nội vụ sau:2026-11-01 họp', { operator: 'AND', conditions: [{ from: 'Sở Nội vụ' }, { after: day(11, 1) }, { text: 'họp' }] }],
    ['"giấy mời họp"', { text: '"giấy mời họp"' }], ['họp "quý III', { text: 'họp quý III' }], ['-"hội nghị"', { operator: 'NOT', conditions: [{ text: '"hội nghị"' }] }],
    ['"a\\b c"', { text: '"a\\\\b c"' }], ['""', {}], ['nhãn:"cần làm"', { hasKeyword: '$label4' }], ['label:constructor', { hasKeyword: 'constructor' }],
    ['sau:01/12', { after: day(12, 1, 2025) }], ['sau:01/12/2026', { after: day(12, 1) }], ['larger:99999999999g', { minSize: Number.MAX_SAFE_INTEGER }],
    ['trong:an', { inMailbox: 'm4' }], ['trong:an.ninh', { text: 'trong:an.ninh' }],
    ['trước:mai', { text: 'trước:mai' }], ['ngày:31/11', { text: 'ngày:31/11' }], ['trong:khôngcó', { text: 'trong:khôngcó' }],
    ['constructor:x', { text: 'constructor:x' }], ['-5', { text: '-5' }], ['12-BC/SNV', { text: '12-BC/SNV' }],
  ])('%s as an operator, or as words where it is none', (text, filter) => {
    expect(parseSearch(text, at)).toEqual(filter);
  });

  it('shows where words were found without taking anything for markup', () => {
    expect(pieces('Giấy <mark>mời</mark> &lt;b&gt; &amp;lt;')).toEqual([
      { text: 'Giấy ', hit: false }, { text: 'mời', hit: true }, { text: ' <b> &lt;', hit: false },
    ]);
  });

  it('asks once for each letter found, and forgets the search before', async () => {
    useSession({ apiUrl: '/jmap/api', uploadUrl: '', downloadUrl: '', eventSourceUrl: '', primaryAccounts: {}, accounts: { a7: { name: 'x', isPersonal: true } }, capabilities: {} });
    const asked: string[][] = [];
    mock.stubGlobal('fetch', async (_: string, init: RequestInit) => {
      const [[name, { emailIds }, id]] = (JSON.parse(String(init.body)) as { methodCalls: [[string, { emailIds: string[] }, string]] }).methodCalls;
      asked.push(emailIds);
      return new Response(JSON.stringify({ methodResponses: [[name, { list: emailIds.map((emailId) => ({ emailId, subject: emailId, preview: null })) }, id]] }));
    });
    await Promise.all([follow(['a', 'b'], 's', {}), follow(['a', 'b', 'c'], 's', {}), follow(['b', 'c', 'd'], 's', {})]);
    expect([asked, [...snippets.value.found.keys()]]).toEqual([[['a', 'b'], ['c', 'd']], ['a', 'b', 'c', 'd']]);
    await Promise.all([follow(['e'], 's', {}), follow(['f'], 'other', {})]);
    expect([snippets.value.search, [...snippets.value.found.keys()]]).toEqual(['other', ['f']]);
    mock.unstubAllGlobals();
  });

  it('offers operators by their beginning, and what was looked for lately', () => {
    expect(offer('họp chu', []).map((choice) => [choice.text, choice.done])).toEqual([
      ['họp chưa:đọc', false], ['họp chưa:trảlời', false], ['họp chưa:xửlý', false],
    ]);
    expect(offer('', ['giấy mời'])[0]).toMatchObject({ group: 'recent', text: 'giấy mời', done: true });
    expect(offer('xong ', [])).toEqual([]);
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

describe('wrong recipients', () => {
  const people = [{ name: 'Trần Thị Bình', email: 'binhtt@x.gov.vn' }, { name: 'Trần Thị Bình', email: 'binhtt2@x.gov.vn' }, { name: null, email: 'quen@congty.vn' }];
  const look = (...emails: string[]) => wrong(emails.map((email) => chipOf({ name: people.find((one) => one.email === email)?.name ?? null, email })), people, 'me@x.gov.vn', emails.length);
  it('knows a province whose name is one letter from one’s own', () => {
    const met = [{ name: null, email: 'vanthu@kiengiang.gov.vn' }];
    const alike = (email: string) => wrong([chipOf({ name: null, email })], met, 'me@tiengiang.gov.vn', 1).alike.length;
    expect([alike('b@kiengiang.gov.vn'), alike('b@tiengian.gov.vn')]).toEqual([0, 1]);
  });

  it('are strangers outside, slips of the finger, namesakes, and many', () => {
    expect(look('la@noi.example', 'quen@congty.vn', 'a@bo.gov.vn').strangers).toEqual(['la@noi.example']);
    expect(look('an@gmial.com', 'an@gmail.com', 'an@ymail.com', 'an@x-gov.vn.example').alike).toEqual([['an@gmial.com', 'gmail.com'], ['an@x-gov.vn.example', 'x.gov.vn']]);
    expect(look('binhtt@x.gov.vn').namesakes).toEqual([['Trần Thị Bình', 'binhtt2@x.gov.vn']]);
    expect(look('binhtt@x.gov.vn', 'binhtt2@x.gov.vn').namesakes).toEqual([]);
    expect([wrong([], people, 'me@x.gov.vn', MANY).many, wrong([], people, 'me@x.gov.vn', MANY + 1).many]).toEqual([0, MANY + 1]);
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
