// @vitest-environment happy-dom
// Signatures: in their place, once, and changed with who sends.
import { beforeEach, describe, expect, it } from 'vitest';
import { Letter } from '../src/compose/model';
import { BLANK, NEW } from '../src/compose/quote';
import { block, inLines, put } from '../src/compose/signature';
import { htmlToText } from '../src/compose/text';
import type { Identity } from '../src/jmap/objects';
import { asLines, draftOf, patchOf, template } from '../src/settings/signature';

const an: Identity = { id: 'i1', name: 'Nguyễn Văn An', email: 'an@x.vn', htmlSignature: '<b>An</b><br>Sở', textSignature: 'An\nSở', bcc: [{ name: null, email: 'luu@x.vn' }] };
const seat: Identity = { id: 'i2', name: 'Văn thư', email: 'vt@x.vn', htmlSignature: '', textSignature: 'Văn thư <1>' };

const field = (html: string) => {
  const root = document.createElement('div');
  root.innerHTML = html;
  return root;
};

describe('the block', () => {
  // What is cleaned on the way is seen in a real browser (tests/clients): this DOM has another iterator.
  it.each([
    ['<b>An</b><br>Sở', '<div><b>An</b></div><div>Sở</div>'], ['', '<div><br></div>'],
    ['<p>a</p>b<br><br>c <i>i</i>\n<ul><li>d</li></ul>\n', '<p>a</p><div>b</div><div><br></div><div>c <i>i</i>\n</div><ul><li>d</li></ul>'],
  ])('holds lines of their own: %j', (html, expected) => {
    const root = document.createElement('div');
    root.append(...inLines(field(html)));
    expect(root.innerHTML).toBe(expected);
  });

  it('is emptied, not taken away', () => {
    const root = field(`<div>Kính gửi</div>${block()}<div>Ngày…</div>`);
    put(root, '');
    expect(root.querySelector('.signature')?.innerHTML).toBe('<div><br></div>');
  });

  it('is not the one that is quoted, and nothing where a person took it out', () => {
    const quoted = '<blockquote><div class="signature">theirs</div></blockquote>';
    const root = field(quoted);
    put(root, 'mine');
    expect(root.innerHTML).toBe(quoted);
  });

  it('stands behind two dashes in plain text where nothing follows', () => {
    expect(htmlToText('<div>Chào</div><div class="signature"><div>An</div></div><div><br></div>')).toBe('Chào\n-- \nAn');
    expect(htmlToText('<div>Chào</div><div class="signature"><div>An</div></div><blockquote>a</blockquote>')).toBe('Chào\nAn\n> a');
    expect(htmlToText(`<div>Chào</div>${block()}`)).toBe('Chào');
  });
});

describe('a letter', () => {
  let letter: Letter;
  beforeEach(() => { letter = new Letter(NEW); });

  it('is signed once by each who is to send it', () => {
    expect(letter.sign(an)).toBe(an.htmlSignature);
    expect(letter.bcc.value.map((one) => one.email)).toEqual(['luu@x.vn']);
    expect(letter.sign(an)).toBeNull();
    expect(letter.sign(seat)).toBe('<div>Văn thư &lt;1&gt;</div>');
    expect(letter.bcc.value).toEqual([]);
  });

  it('that was begun before is signed anew only by another', () => {
    const draft = new Letter({ ...BLANK, saved: 'e1' });
    expect(draft.sign(an)).toBeNull();
    expect(draft.sign(seat)).toBe('<div>Văn thư &lt;1&gt;</div>');
  });

  it('with nothing but a signature still says what the field is for', () => {
    const signed = NEW.html.replace('<div><br></div></div>', '<div>An đính kèm</div></div>');
    letter.html = () => signed;
    letter.look();
    expect([letter.blank.value, letter.mentionsFile.value]).toEqual([true, false]);
    letter.html = () => signed.replace('<br>', 'gửi kèm tệp');
    letter.look();
    expect([letter.blank.value, letter.mentionsFile.value]).toEqual([false, true]);
    letter.html = () => `${signed}<blockquote>a</blockquote>`;
    letter.look();
    expect(letter.blank.value).toBe(false);
  });
});

describe('the settings', () => {
  it('keep a plain twin of what is formatted, and nothing formatted of what is plain', () => {
    const draft = draftOf(an);
    expect(draft).toEqual({ plain: false, html: an.htmlSignature, text: an.textSignature, name: an.name, reply: '' });
    expect(patchOf({ ...draft, html: '<div>B</div>' }, an, htmlToText, [])).toEqual({ htmlSignature: '<div>B</div>', textSignature: 'B' });
    expect(patchOf({ ...draft, plain: true, text: ' C \n' }, an, htmlToText, [])).toEqual({ htmlSignature: '', textSignature: 'C' });
    expect(patchOf({ ...draft, html: '<div><br></div>' }, an, htmlToText, [])).toEqual({ htmlSignature: '', textSignature: '' });
    const to = [{ name: null, email: 'b@x.vn' }];
    expect(patchOf({ ...draft, name: '', reply: 'b@x.vn' }, an, htmlToText, to)).toMatchObject({ name: '', replyTo: to });
    expect(draftOf(seat).plain).toBe(true);
  });

  it('fill the form of the agency, and no mark-up comes from a name', () => {
    const html = template({ ...an, name: 'A <b>' }, 'Chuyên viên', { phone: 'Điện thoại', mail: 'Thư điện tử' });
    expect(html).toContain('A &lt;b&gt;');
    expect(asLines(html).split('\n')).toEqual(['A <b>', 'Điện thoại: ', 'Thư điện tử: an@x.vn']);
  });
});
