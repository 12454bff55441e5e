// jmap-jam, a JMAP client from npm that knows nothing of this server, against `congvu demo` with a token that the person
// made for it, who administers nothing: mailboxes, a letter written and sent in one request, found by the other person, read, flagged, removed.
//
//   NODE_EXTRA_CA_CERTS=DIR/ca.pem node tests/clients/jam_flow.mjs DIR/demo.json
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const APP = new URL('../../webmail/app/', import.meta.url);
const { default: JamClient } = await import(pathToFileURL(createRequire(APP).resolve('jmap-jam')));
const demo = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const origin = `https://localhost:${demo.ports.https}`;

/** A token of his own, made over the API as a browser that signed in; it opens mail and no API, ends, and he sees it. */
async function token({ address, password }) {
  const page = await fetch(`${origin}/login`);
  const jar = page.headers.getSetCookie().map((cookie) => cookie.split(';')[0]);
  const [, csrf] = /name="csrf" value="([^"]*)"/.exec(await page.text());
  const form = new URLSearchParams({ csrf, next: '/', address, password });
  const headers = { origin, cookie: jar.join('; ') };
  const entered = await fetch(`${origin}/login`, { method: 'POST', body: form, headers, redirect: 'manual' });
  assert.equal(entered.status, 303);
  const cookie = entered.headers.getSetCookie().map((one) => one.split(';')[0]).join('; ');
  const api = `${origin}/api/v1/tokens`;
  const post = (body) => fetch(api, { method: 'POST', body: JSON.stringify(body), headers: { origin, cookie, 'content-type': 'application/json' } });
  const made = await post({ label: 'jam', current: password });
  assert.equal(made.status, 201, await made.clone().text());
  // An open browser alone makes none.
  assert.equal((await post({ label: 'jam' })).status, 422);
  const { id, opens, expires_at: ends, secret } = await made.json();
  assert.equal(opens, 'mail');
  assert.ok(Date.parse(ends) > Date.now());
  assert.equal((await post({ label: 'jam', opens: 'administration', current: password })).status, 422);
  const { items } = await (await fetch(api, { headers: { cookie } })).json();
  assert.ok(items.some((one) => one.id === id && one.secret === undefined));
  const barred = await fetch(api, { headers: { authorization: `Bearer ${secret}` } });
  assert.equal(barred.status, 403);
  return secret;
}

async function client(person) {
  const jam = new JamClient({ sessionUrl: `${origin}/.well-known/jmap`, bearerToken: await token(person) });
  const accountId = (await jam.session).primaryAccounts['urn:ietf:params:jmap:mail'];
  const mailbox = async (role) => (await jam.api.Mailbox.query({ accountId, filter: { role } }))[0].ids[0];
  return { jam, accountId, mailbox };
}

const [sender, other] = demo.accounts;
const mine = await client(sender);
const theirs = await client(other);

const { accountId } = mine;
const [boxes] = await mine.jam.api.Mailbox.get({ accountId });
assert.ok(boxes.list.some((box) => box.role === 'inbox') && boxes.list.some((box) => box.role === 'sent'));
const [identities] = await mine.jam.api.Identity.get({ accountId });
const identityId = identities.list[0].id;
const text = 'Kính gửi: thư này do jmap-jam gửi, kèm một tệp.';
const octets = new TextEncoder().encode('một,hai\r\n'.repeat(3000));
const blob = await mine.jam.uploadBlob(accountId, new Blob([octets], { type: 'text/csv' }));
const subject = `jam ${process.pid}: Quyết định số 45/QĐ-UBND`;
const [sent] = await mine.jam.requestMany((t) => ({
  letter: t.Email.set({
    accountId,
    create: {
      letter: {
        mailboxIds: { [boxes.list.find((box) => box.role === 'drafts').id]: true }, keywords: { $draft: true },
        from: [{ email: sender.address, name: sender.name }], to: [{ email: other.address, name: other.name }], subject,
        bodyValues: { b: { value: text } }, textBody: [{ partId: 'b', type: 'text/plain' }],
        attachments: [{ blobId: blob.blobId, type: 'text/csv', name: 'số liệu.csv', disposition: 'attachment' }],
      },
    },
  }),
  submission: t.EmailSubmission.set({ accountId, create: { s: { emailId: '#letter', identityId } } }),
}));
assert.ok(sent.submission.created?.s?.id, JSON.stringify(sent));

const inbox = await theirs.mailbox('inbox');
let found = [];
for (const until = Date.now() + 15_000; found.length === 0; ) {
  assert.ok(Date.now() < until, 'the letter did not come');
  const filter = { inMailbox: inbox, subject: `jam ${process.pid}` };
  [{ ids: found }] = await theirs.jam.api.Email.query({ accountId: theirs.accountId, filter });
}
assert.equal(found.length, 1);
const [{ emails, threads }] = await theirs.jam.requestMany((t) => {
  const emails = t.Email.get({
    accountId: theirs.accountId, ids: found, fetchTextBodyValues: true,
    properties: ['subject', 'from', 'bodyValues', 'attachments', 'threadId', 'preview', 'header:Message-ID:asMessageIds'],
  });
  const threads = t.Thread.get({ accountId: theirs.accountId, ids: emails.$ref('/list/*/threadId') });
  return { emails, threads };
});
const [letter] = emails.list;
assert.equal(letter.subject, subject);
assert.equal(letter.from[0].email, sender.address);
assert.ok(Object.values(letter.bodyValues).some(({ value }) => value.includes(text)));
assert.ok(threads.list[0].emailIds.includes(found[0]));
const [part] = letter.attachments;
const down = await theirs.jam.downloadBlob({ accountId: theirs.accountId, blobId: part.blobId, mimeType: part.type, fileName: part.name });
assert.equal(down.headers.get('content-encoding'), null); // As it lies, whatever a program would take.
assert.deepEqual(new Uint8Array(await down.arrayBuffer()), octets);

const [marked] = await theirs.jam.api.Email.set({
  accountId: theirs.accountId, update: { [found[0]]: { 'keywords/$seen': true, 'keywords/$flagged': true } },
});
assert.ok(found[0] in marked.updated, JSON.stringify(marked));
const [changes] = await theirs.jam.api.Email.changes({ accountId: theirs.accountId, sinceState: marked.oldState });
assert.deepEqual(changes.updated, found);
await theirs.jam.api.Email.set({ accountId: theirs.accountId, destroy: found });
// Another's account does not exist.
await assert.rejects(theirs.jam.api.Mailbox.get({ accountId: 'a2' }), (e) => e.type === 'accountNotFound');
console.log('== OK');
