// @vitest-environment happy-dom
// A draft that is edited: what was sent meanwhile is not harmed, and no double is left.
import { afterEach, beforeEach, describe, expect, it, vi as mock } from 'vitest';
import { Letter } from '../src/compose/model';
import { BLANK, Sent, draft } from '../src/compose/quote';
import { useSession } from '../src/jmap/client';
import { reopen } from '../src/state/outbox';
import { mailboxes } from '../src/state/mailboxes';
import { toasts } from '../src/state/toast';

type Calls = [string, Record<string, unknown>, string][];
let letters: Map<string, Record<string, boolean>>;
let made = 0;
let state = 0;
/** Done between a look and the act after it. */
let between: () => void = () => undefined;

function answer(name: string, args: Record<string, unknown>): [string, unknown] {
  if (name === 'Email/query') return [name, { ids: [] }];
  if (name === 'Email/get') {
    const list = (args.ids as string[]).flatMap((id) => {
      const keywords = letters.get(id);
      return keywords ? [{ id, keywords, to: [], cc: [], bcc: [], from: [], subject: 's', htmlBody: [], textBody: [], bodyValues: {}, attachments: [],
        'header:Disposition-Notification-To:asText': 'an@x.vn' }] : [];
    });
    const now = `${state}`;
    between();
    return [name, { list, state: now }];
  }
  if (args.ifInState !== undefined && args.ifInState !== `${state}`) return ['error', { type: 'stateMismatch' }];
  state += 1;
  for (const id of (args.destroy as string[] | undefined) ?? []) letters.delete(id);
  if (!args.create) return [name, {}];
  made += 1;
  letters.set(`n${made}`, { $draft: true });
  return [name, { created: { draft: { id: `n${made}` } } }];
}

beforeEach(() => {
  [made, state, between, toasts.value, mailboxes.value] = [0, 0, () => undefined, [], []];
  letters = new Map([['e1', { $draft: true }]]);
  sessionStorage.clear();
  useSession({
    apiUrl: '/jmap/api', uploadUrl: '', downloadUrl: '', eventSourceUrl: '', primaryAccounts: { 'urn:ietf:params:jmap:mail': 'a7' },
    accounts: { a7: { name: 'x', isPersonal: true } }, capabilities: {},
  });
  mock.stubGlobal('fetch', async (_: string, init: RequestInit) => {
    const { methodCalls } = JSON.parse(String(init.body)) as { methodCalls: Calls };
    return new Response(JSON.stringify({ methodResponses: methodCalls.map(([name, args, id]) => [...answer(name, args), id]) }));
  });
});
afterEach(() => mock.unstubAllGlobals());

const saved = async (letter: Letter) => {
  letter.changed();
  expect(await letter.save()).toBe(true);
};

describe('a draft', () => {
  it('is replaced by what is saved', async () => {
    const letter = new Letter({ ...BLANK, saved: 'e1' });
    await saved(letter);
    await saved(letter);
    expect([...letters.keys(), toasts.value.length]).toEqual(['n2', 0]);
  });

  it('that was sent elsewhere stays where it is, and the person is told', async () => {
    const letter = new Letter({ ...BLANK, saved: 'e1' });
    letters.set('e1', {});
    await saved(letter);
    expect([...letters.keys()]).toEqual(['e1', 'n1']);
    expect(toasts.value[0]?.text).toContain('vừa được gửi đi từ nơi khác');
    letters.set('n1', {});
    await letter.discard();
    expect([...letters.keys()]).toEqual(['e1', 'n1']);
  });

  it('is not taken where it is sent between the look and the act', async () => {
    const letter = new Letter({ ...BLANK, saved: 'e1' });
    between = () => {
      letters.set('e1', {});
      state += 1;
      between = () => undefined;
    };
    await saved(letter);
    expect([...letters.keys()]).toEqual(['e1', 'n1']);
  });

  it('is no longer one when it has gone', async () => {
    letters.set('e1', { $seen: true });
    await expect(draft('e1')).rejects.toBeInstanceOf(Sent);
  });

  it('keeps what was chosen besides its text', async () => {
    const at = new Date('2026-11-25T01:00:00Z');
    reopen('e1', { at, receipt: true, answers: { id: 'e9', keyword: '$answered' } });
    const letter = new Letter(await draft('e1'));
    expect([letter.at.value, letter.arrival.value, letter.reading.value, letter.answers]).toEqual([at, true, true, { id: 'e9', keyword: '$answered' }]);
    expect(new Letter(await draft('e1')).at.value).toBe(null);
  });

  it('keeps its name over a reload, so that its doubles are found', async () => {
    mock.stubGlobal('fetch', async () => { throw new TypeError('network'); });
    const letter = new Letter(BLANK);
    letter.at.value = new Date('2026-11-25T01:00:00Z');
    letter.changed();
    expect(await letter.save()).toBe(false);
    const { draft: kept } = JSON.parse(sessionStorage.getItem('congvu.draft') ?? '') as { draft: typeof BLANK };
    expect(kept).toMatchObject({ unsure: true, at: '2026-11-25T01:00:00.000Z' });
    expect(kept.messageId).toMatch(/^[0-9a-f-]{36}@/);
    expect(new Letter(kept).at.value).toEqual(letter.at.value);
  });
});
