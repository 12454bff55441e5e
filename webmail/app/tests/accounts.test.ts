// @vitest-environment happy-dom
// Others' mailboxes: whose is shown, what is offered in it, and that nothing of one account gets into another.
import { afterEach, describe, expect, it, vi as mock } from 'vitest';
import type { EmailRow, Mailbox, Session } from '../src/jmap/objects';

const OWNER = 'urn:ietf:params:jmap:principals:owner';
const account = (principal: string, name: string, isPersonal = false) =>
  ({ name, isPersonal, accountCapabilities: { [OWNER]: { principalId: principal } } });

const SESSION: Session = {
  state: 's1', apiUrl: '/jmap/api', uploadUrl: '/jmap/upload/{accountId}/', downloadUrl: '/d/{accountId}/{blobId}',
  eventSourceUrl: '/e', primaryAccounts: { 'urn:ietf:params:jmap:mail': 'a1' }, capabilities: {},
  accounts: { a1: account('p1', 'toi@x.vn', true), a7: account('p7', 'vanthu@x.vn'), a8: account('p8', 'an@x.vn') },
};

const ALL = ['mayReadItems', 'mayAddItems', 'mayRemoveItems', 'maySetSeen', 'maySetKeywords'];
const box = (id: string, role: string | null, rights: string[]): Mailbox => ({
  id, name: id, parentId: null, role, sortOrder: 0, totalEmails: 3, unreadEmails: 2,
  myRights: Object.fromEntries(ALL.map((name) => [name, rights.includes(name)])),
});
const row = (id: string, mailbox: string): EmailRow => ({
  id, blobId: id, threadId: id, mailboxIds: { [mailbox]: true }, keywords: {}, size: 1, receivedAt: '2026-11-20T01:00:00Z',
  hasAttachment: false, from: null, to: null, subject: id, preview: '',
});

/** The modules as a page at this address has them. */
async function page(search: string) {
  mock.resetModules();
  (window as unknown as { happyDOM: { setURL: (url: string) => void } }).happyDOM.setURL(`https://mail.x.vn/${search}`);
  const client = await import('../src/jmap/client');
  client.useSession(SESSION);
  return {
    client,
    accounts: await import('../src/state/accounts'), acts: await import('../src/state/acts'),
    boxes: await import('../src/state/mailboxes'), emails: await import('../src/state/emails'),
  };
}

/** What was asked, a list of calls a request; `answers` gives the arguments for each call's name and account. */
function server(answers: (name: string, args: { accountId: string }) => [string, unknown], state = 's1') {
  const asked: [string, { accountId: string }][] = [];
  mock.stubGlobal('fetch', (url: string, init: RequestInit) => {
    if (url === '/jmap/session') return Promise.resolve(new Response(JSON.stringify(SESSION)));
    const calls = JSON.parse(String(init.body)).methodCalls as [string, { accountId: string }, string][];
    for (const [name, args] of calls) asked.push([name, args]);
    const methodResponses = calls.map(([name, args, id]) => [...answers(name, args), id]);
    return Promise.resolve(new Response(JSON.stringify({ methodResponses, sessionState: state })));
  });
  return asked;
}

// What a test leaves under way must not go out of this machine.
afterEach(() => { mock.stubGlobal('fetch', () => new Promise(() => {})); });

describe('whose mail is shown', () => {
  it.each([['', 'a1', false], ['?account=a7', 'a7', false], ['?account=a1', 'a1', false], ['?account=a99', 'a1', true]])(
    '%j shows %s', async (search, shown, missing) => {
      const { client } = await page(search);
      expect([client.accountId(), client.isAskedMissing()]).toEqual([shown, missing]);
    });

  it('stays when the account goes from the session: its ids must not be taken for one\'s own', async () => {
    const { client } = await page('?account=a7');
    client.useSession({ ...SESSION, accounts: { a1: SESSION.accounts.a1! } });
    expect(client.accountId()).toBe('a7');
  });

  it('names owners by the directory, in Vietnamese order, and by address until it is known', async () => {
    const { accounts } = await page('');
    expect(accounts.sharedAccounts.value.map((one) => one.name)).toEqual(['an@x.vn', 'vanthu@x.vn']);
    accounts.meetPrincipals([
      { id: 'p7', name: 'Đội Văn thư', description: null, email: 'vanthu@x.vn' },
      { id: 'p8', name: 'Nguyễn Văn An', description: 'Chuyên viên', email: 'an@x.vn' },
    ]);
    expect(accounts.sharedAccounts.value.map((one) => [one.name, one.title, one.address]))
      .toEqual([['Đội Văn thư', null, 'vanthu@x.vn'], ['Nguyễn Văn An', 'Chuyên viên', 'an@x.vn']]);
  });

  it('counts the inbox, or all that is not put away', async () => {
    const { accounts } = await page('');
    expect(accounts.unreadIn([box('m1', 'inbox', []), box('m2', null, [])])).toBe(2);
    expect(accounts.unreadIn([box('m1', 'junk', []), box('m2', null, []), box('m3', null, [])])).toBe(4);
  });

  it('asks names and counts of the others once, each for its own account', async () => {
    const asked = server((name) => (name === 'Principal/get'
      ? [name, { list: [{ id: 'p7', name: 'Văn thư', description: null, email: 'vanthu@x.vn' }] }]
      : [name, { list: [box('m1', 'inbox', ALL)] }]));
    const { accounts, boxes } = await page('?account=a7');
    await accounts.meetAccounts();
    expect(asked.map(([name, args]) => [name, args.accountId]))
      .toEqual([['Principal/get', 'a1'], ['Mailbox/get', 'a1'], ['Mailbox/get', 'a8'], ['ShareNotification/get', 'a1']]);
    expect([accounts.unreadOf('a8'), boxes.ownByRole('inbox')?.id]).toEqual([2, 'm1']);
    expect(accounts.viewedOwner.value?.name).toBe('Văn thư');
  });
});

describe('rights', () => {
  const TABLE: [string, string[], string[], object][] = [
    ['reads only', ['mayReadItems'], ['mayReadItems'], { seen: false, flag: false, move: false, archive: false, remove: null }],
    ['marks', ['mayReadItems', 'maySetSeen', 'maySetKeywords'], [], { seen: true, flag: true, move: false, archive: false, remove: null }],
    ['removes, has no bin', ['mayReadItems', 'mayRemoveItems'], [], { seen: false, flag: false, move: true, archive: false, remove: 'destroy' }],
    ['moves to the bin', ['mayReadItems', 'mayRemoveItems'], ['mayAddItems'], { seen: false, flag: false, move: true, archive: false, remove: 'trash' }],
  ];
  it.each(TABLE)('%s', async (_, inbox, trash, expected) => {
    const { acts, boxes, emails } = await page('?account=a7');
    boxes.mailboxes.value = [box('m1', 'inbox', inbox), box('m2', 'trash', trash)];
    emails.put([row('e1', 'm1')]);
    expect(acts.offers(['e1'])).toMatchObject(expected);
    // Of a letter that is not known yet nothing is offered.
    expect(acts.offers(['e2'])).toMatchObject({ seen: false, flag: false, remove: null });
  });

  it('tells in one sentence what the server refused, and puts it back', async () => {
    server(() => ['Email/set', { notUpdated: { e1: { type: 'forbidden' } } }]);
    const { acts, boxes, emails } = await page('?account=a7');
    const { toasts } = await import('../src/state/toast');
    const { vi } = await import('../src/vi');
    boxes.mailboxes.value = [box('m1', 'inbox', ALL)];
    emails.put([row('e1', 'm1')]);
    await acts.mark(['e1'], '$flagged', true);
    expect(toasts.value.map((toast) => toast.text)).toEqual([vi.noRight]);
    expect(emails.rowOf('e1')?.keywords).toEqual({});
  });
});

describe('what must not stay', () => {
  it('forgets everything once the account is no longer there', async () => {
    server((_, args) => (args.accountId === 'a7' ? ['error', { type: 'accountNotFound' }] : ['Mailbox/get', { list: [] }]));
    const { accounts, boxes, client, emails } = await page('?account=a7');
    boxes.mailboxes.value = [box('m1', 'inbox', ALL)];
    emails.put([row('e1', 'm1')]);
    await client.settle([['Mailbox/get', client.own({})]]);
    expect(accounts.lost.value).toBe(false);
    await client.settle([['Mailbox/get', {}]]);
    expect([accounts.lost.value, boxes.mailboxes.value, emails.rowOf('e1')]).toEqual([true, [], undefined]);
  });

  it('learns of new accounts from the session\'s state, and asks once for each', async () => {
    const asked = server((name) => [name, { list: [] }], 's2');
    const { client } = await page('');
    const anew = mock.fn();
    client.reach.session = anew;
    await client.settle([['Mailbox/get', {}]]);
    await client.settle([['Mailbox/get', {}]]);
    expect([anew.mock.calls.length, asked.length]).toEqual([1, 2]);
  });

  it('gives a kept letter to nobody else, and not to another account\'s page', async () => {
    const load = async (who: string, search: string) => {
      mock.resetModules();
      (window as unknown as { happyDOM: { setURL: (url: string) => void } }).happyDOM.setURL(`https://mail.x.vn/${search}#/compose/reply/e5`);
      document.body.innerHTML = `<script type="application/json" id="boot">{"address":"${who}"}</script>`;
      return import('../src/state/kept');
    };
    (await load('an@x.vn', '')).keepDraft({ subject: 'mật' });
    const elsewhere = await load('an@x.vn', '?account=a7');
    expect([elsewhere.keptAt(), elsewhere.takeKept()]).toEqual(['#/compose/reply/e5', null]);
    expect((await load('an@x.vn', '')).takeKept()).toEqual({ subject: 'mật' });
    (await load('an@x.vn', '')).keepDraft({ subject: 'mật' });
    expect((await load('binh@x.vn', '')).keptAt()).toBeNull();
    expect(sessionStorage.length).toBe(0);
  });
});

describe('a damaged letter', () => {
  it('is known by its values, and said in the row', async () => {
    const lost = { value: '', isTruncated: true, isEncodingProblem: true };
    const letter = { ...row('e1', 'm1'), htmlBody: [], textBody: [], attachments: [], bodyValues: { 1: lost } };
    server(() => ['Email/get', { list: [letter] }]);
    const { emails } = await page('');
    await emails.fetchLetter('e1');
    expect(emails.damaged.value.has('e1')).toBe(true);
    const sound = { ...letter, id: 'e2', bodyValues: { 1: { value: '', isTruncated: true, isEncodingProblem: false } } };
    expect(emails.isDamaged(sound as never)).toBe(false);
  });
});
