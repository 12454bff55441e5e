// What people do with their mail beyond reading and answering: who a letter is from, finding, labels, folders,
// sending later, a line that is cut, who has looked into the mailbox. Part of `browser.mjs`, which gives its tools.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { connect } from 'node:net';

/** A letter from another server, in the clear. */
export const arrive = (demo, from, to, subject) => new Promise((done, fail) => {
  const socket = connect(demo.ports.smtp, demo.host);
  const lines = ['EHLO mail.noi.example', `MAIL FROM:<${from}>`, `RCPT TO:<${to}>`, 'DATA',
    `From: <${from}>\r\nTo: <${to}>\r\nSubject: ${subject}\r\nMessage-ID: <${subject}@noi.example>\r\n\r\nThu.\r\n.`, 'QUIT'];
  let said = '';
  socket.setEncoding('utf8').on('error', fail).on('data', (text) => {
    said += text;
    // The last line of a reply has a space after its code.
    if (!/^\d{3} .*\r\n$/m.test(said)) return;
    if (/^[45]/.test(said)) fail(new Error(said));
    said = '';
    const line = lines.shift();
    line ? socket.write(`${line}\r\n`) : done(socket.end());
  });
});

export function flows({ origin, demo, people: [first, second], tools: { jmap, shot, clean, compose, openFirst, subjects } }) {
  /** Puts a letter with this header into the inbox, as if the server had looked at who sent it: the demo asks no DNS. */
  const found = (page, head) => page.evaluate(async (text) => {
    const session = await (await fetch('/jmap/session')).json();
    const accountId = session.primaryAccounts['urn:ietf:params:jmap:mail'];
    const post = async (path, body) => (await fetch(path, { method: 'POST', headers: { 'content-type': 'application/json', 'x-congvu': '1' }, body })).json();
    const call = (calls) => post('/jmap/api', JSON.stringify({ using: ['urn:ietf:params:jmap:core', 'urn:ietf:params:jmap:mail'], methodCalls: calls }));
    const { methodResponses: [[, { list }]] } = await call([['Mailbox/get', { accountId, ids: null }, '0']]);
    const { blobId } = await post(`/jmap/upload/${accountId}/`, text);
    const made = await call([['Email/import', { accountId, emails: { x: { blobId, mailboxIds: { [list.find((box) => box.role === 'inbox').id]: true }, receivedAt: new Date().toISOString() } } }, '0']]);
    if (!made.methodResponses[0][1].created?.x) throw new Error(JSON.stringify(made));
  }, head);

  /** Who says to be of the house and is not: marked in the list, warned of over the letter; who signed in is not, nor what nobody looked at. */
  async function forged(page) {
    const number = Date.now() % 100_000;
    const [subject, plain] = [`gia-mao-${number}`, `chua-xet-${number}`];
    await arrive(demo, `chutich@${demo.domain}`, first.address, plain);
    await page.goto(`${origin}/#/box/inbox`);
    await found(page, [
      `Authentication-Results: mail.${demo.domain};`, '\tspf=fail smtp.mailfrom=noi.example;', `\tdmarc=fail header.from=${demo.domain}`,
      'Received: from mail.noi.example ([192.0.2.9])', `\tby mail.${demo.domain} with ESMTP id 1; Tue, 24 Nov 2026 09:00:00 +0700`,
      `From: <chutich@${demo.domain}>`, `To: <${first.address}>`, `Subject: ${subject}`, '', 'Thu.', ''].join('\r\n'));
    await page.locator('.msg', { hasText: plain }).locator('.what a').click();
    await page.locator('.badge.plain', { hasText: 'Chưa kiểm tra nguồn gốc' }).waitFor();
    assert.equal(await page.locator('.alarm').count(), 0, 'what nobody looked at is not warned of');
    await shot(page, 'unchecked');
    await page.goto(`${origin}/#/box/inbox`);
    const row = page.locator('.msg', { hasText: subject });
    await row.locator('.p.harm', { hasText: 'Giả mạo địa chỉ nội bộ' }).waitFor();
    await row.locator('.what a').click();
    await page.locator('.alarm.bad', { hasText: `${demo.domain}, tên miền của chính hệ thống này` }).waitFor();
    await page.click('.badge.bad');
    await page.locator('.reasons', { hasText: 'mail.noi.example' }).waitFor();
    await clean(page, 'a forged letter');
    await shot(page, 'forged');
    const note = `Ghi nhớ ${Date.now() % 100_000}`;
    await page.goto(`${origin}/#/compose/new?to=${encodeURIComponent(first.address)}`);
    await compose(page, { subject: note, text: 'Việc cần nhớ.' });
    await page.keyboard.press('Control+Enter');
    await page.click('.toast .btn:first-of-type');
    await page.click('.side li:nth-child(1) a');
    await page.click(`.msg:has(.t:text-is("${note}")) .what a`);
    await page.locator('.badge.ok', { hasText: 'Trong hệ thống' }).waitFor();
    assert.equal(await page.locator('.alarm').count(), 0, 'a letter of who signed in is not warned of');
    // Its answer stands under it, and leads there and back.
    await page.keyboard.press('r');
    await page.waitForSelector('.txt[contenteditable=true] blockquote');
    await page.keyboard.type('Đã làm xong việc này.');
    await page.keyboard.press('Control+Enter');
    await page.click('.toast .btn:first-of-type');
    const line = page.locator('.thread.after a', { hasText: 'Đã làm xong việc này.' });
    await line.waitFor();
    assert.equal(await page.locator('.thread a').count(), 1, 'a letter to oneself stands there once');
    await clean(page, 'a conversation');
    await shot(page, 'conversation');
    await page.keyboard.press('n');
    await page.locator('.thread.before a', { hasText: 'Việc cần nhớ.' }).waitFor();
    await page.keyboard.press('p');
    await line.waitFor();
  }

  /** Operators are offered, found by, and what was found is marked. */
  async function search(page) {
    await page.goto(`${origin}/#/box/inbox`);
    await page.click('.search input');
    await page.locator('.search-panel [role=option]', { hasText: 'người gửi' }).first().waitFor();
    await clean(page, 'search operators');
    await shot(page, 'operators');
    await page.keyboard.type('chua');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    assert.equal(await page.inputValue('.search input'), 'chưa:đọc');
    await page.fill('.search input', '');
    await page.keyboard.type('gia mao tu:chutich sau:homqua');
    await page.locator('.list h1', { hasText: 'sau:homqua' }).waitFor();
    await page.locator('.msg .t', { hasText: 'gia-mao' }).first().waitFor();
    assert.equal(await page.evaluate(() => document.activeElement?.matches('.search input')), true, 'results come while one types');
    await page.fill('.search input', 'uy ban nhan dan');
    await page.keyboard.press('Enter');
    await page.locator('.msg mark').first().waitFor();
    await shot(page, 'found');
    await page.keyboard.press('Escape');
  }

  /** Labels, "done", "later": marked in the list, undone, found, brought back to the top when the time has come. */
  async function later(page) {
    await page.goto(`${origin}/#/box/inbox`);
    await openFirst(page);
    const subject = (await subjects(page))[0];
    const row = page.locator('.msg', { hasText: subject }).first();
    await page.keyboard.press('l');
    await page.click('[role=menuitemcheckbox]:has-text("Cần làm")');
    await row.locator('.tag.label-4').waitFor();
    await page.keyboard.press('h');
    await page.locator('.toast', { hasText: 'xử lý xong' }).waitFor();
    await page.waitForSelector('.msg.open.done');
    await clean(page, 'labels and marks');
    await shot(page, 'labelled');
    await page.keyboard.press('z');
    await page.waitForSelector('.msg.open:not(.done)');
    await page.click('.labels-nav a:has-text("Cần làm")');
    await page.waitForFunction((wanted) => [...document.querySelectorAll('.msg .t')].map((one) => one.textContent).join() === wanted, subject);
    await page.goto(`${origin}/#/box/inbox`);
    await openFirst(page);
    await page.keyboard.press('b');
    await page.click('.snooze-open [role=menuitem]:has-text("Tuần sau")');
    await page.locator('.toast', { hasText: 'Đã tạm hoãn thư đến' }).waitFor();
    await page.waitForFunction((gone) => document.querySelector('.msg .t')?.textContent !== gone, subject);
    await page.click('.side a:has-text("Tạm hoãn")');
    await page.locator('.msg .tag', { hasText: 'Hoãn đến' }).waitFor();
    await shot(page, 'snoozed');
    // The time has come: whichever page is open brings it back, above newer ones.
    const [, put] = await jmap(page, [
      ['Email/query', { filter: { subject } }], ['Email/get', { '#ids': { resultOf: '0', name: 'Email/query', path: '/ids' }, properties: ['keywords'] }],
    ]);
    const one = put.list.find(({ keywords }) => Object.keys(keywords).some((key) => key.startsWith('wake-')));
    const key = Object.keys(one.keywords).find((name) => name.startsWith('wake-'));
    await jmap(page, [['Email/set', { update: { [one.id]: { [`keywords/${key}`]: null, 'keywords/wake-1000': true } } }]]);
    await page.goto(`${origin}/#/box/inbox`);
    await page.reload();
    await page.locator('.toast', { hasText: '1 thư tạm hoãn đã quay lại' }).waitFor();
    await page.waitForFunction((wanted) => document.querySelector('.msg:has(.due) .t')?.textContent === wanted, subject);
    await shot(page, 'woken');
    await openFirst(page);
    await page.keyboard.press('e');
    await page.waitForFunction(() => !document.querySelector('.msg .due'));
  }

  /** A folder is made, found taken, renamed, undone, filled and deleted; what lay in it is in the bin. */
  async function folders(page) {
    const name = `Hồ sơ ${Date.now() % 100_000}`;
    await page.goto(`${origin}/#/box/inbox`);
    const save = async (typed) => {
      await page.fill('.dialog .when input', typed);
      await page.click('.dialog .primary');
    };
    await page.click('[aria-label="Tạo thư mục"]');
    await save('lưu trữ');
    await page.locator('.dialog .why', { hasText: 'Đã có thư mục' }).waitFor();
    await clean(page, 'the name of a folder');
    await save(name);
    const link = page.locator('.folder a', { hasText: name });
    await page.locator('.list h1', { hasText: name }).waitFor();
    const act = async (wanted) => {
      await page.click(`[aria-label="Việc với thư mục ${name}"]`, { force: true });
      await page.click(`[role=menuitem]:has-text("${wanted}")`);
    };
    await act('Đổi tên');
    await save(`${name} cũ`);
    await page.locator('.toast', { hasText: `Đã đổi tên thành ${name} cũ` }).waitFor();
    await page.click('.toast .btn');
    await page.locator('.toast', { hasText: `Đã đổi tên thành ${name}.` }).waitFor();
    await page.goto(`${origin}/#/box/inbox`);
    await openFirst(page);
    const subject = (await subjects(page))[0];
    await page.keyboard.press('v');
    await page.click(`.move-open [role=menuitem]:has-text("${name}")`);
    await page.locator('.toast', { hasText: `Đã chuyển thư đến ${name}` }).waitFor();
    await link.click();
    await page.locator('.msg .t', { hasText: subject }).waitFor();
    await shot(page, 'folder');
    await act('Xoá thư mục');
    await page.locator('.dialog', { hasText: '1 thư trong thư mục sẽ được chuyển vào Thùng rác.' }).waitFor();
    await page.click('.dialog .danger');
    await page.locator('.toast', { hasText: `Đã xoá thư mục ${name}` }).waitFor();
    assert.equal(await link.count(), 0);
    await page.click('.side li:nth-child(6) a');
    await page.locator('.msg .t', { hasText: subject }).first().waitFor();
  }

  /** Files are looked at without being saved, a hostile one as text only; all of them come in one archive. */
  async function files(page) {
    const subject = `Hồ sơ kèm theo ${Date.now() % 100_000}`;
    const png = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64');
    const inner = 'From: "Sở Nội vụ" <snv@noi.example>\r\nTo: <a@x.example>\r\nSubject: Thư bên trong\r\nContent-Type: text/html; charset=utf-8\r\n\r\n'
      + '<p>Nội dung <b>bên trong</b>.</p><script>alert(9)</script><img src=x onerror="alert(10)">';
    await page.goto(`${origin}/#/compose/new?to=${encodeURIComponent(first.address)}`);
    await compose(page, { subject, text: 'Xem các tệp.' });
    await page.setInputFiles('input[type=file]', [
      { name: 'dấu.png', mimeType: 'image/png', buffer: png }, { name: 'ghi chú.txt', mimeType: 'text/plain', buffer: Buffer.from('<b>Đây là</b> chữ.') },
      { name: 'thư.eml', mimeType: 'message/rfc822', buffer: Buffer.from(inner) }, { name: 'ghi chú.txt', mimeType: 'text/plain', buffer: Buffer.from('Bản hai.') },
    ]);
    await page.waitForFunction(() => document.querySelectorAll('.ed .file').length === 4 && !document.querySelector('.ed progress'));
    await page.keyboard.press('Control+Enter');
    await page.click('.toast .btn:first-of-type');
    await page.click('.side li:nth-child(1) a');
    await page.click(`.msg:has(.t:text-is("${subject}")) .what a`);
    await page.click('[aria-label^="Xem dấu.png"]');
    await page.waitForFunction(() => document.querySelector('.preview .picture')?.naturalWidth === 1);
    await clean(page, 'a picture');
    await page.keyboard.press('ArrowRight');
    await page.locator('.preview pre', { hasText: '<b>Đây là</b> chữ.' }).waitFor();
    await page.keyboard.press('ArrowRight');
    await page.locator('.preview .prose', { hasText: 'Nội dung bên trong.' }).waitFor();
    assert.equal(await page.locator('.preview script, .preview .prose img, .preview b').count(), 0, 'nothing of a file is markup');
    await clean(page, 'a letter within a letter');
    await shot(page, 'preview');
    await page.keyboard.press('Escape');
    const [download] = await Promise.all([page.waitForEvent('download'), page.click('.files .all')]);
    assert.equal(download.suggestedFilename(), `${subject}.zip`);
    const listed = spawnSync('python3', ['-c', 'import sys, zipfile; z = zipfile.ZipFile(sys.argv[1]); assert z.testzip() is None; print("|".join(sorted(z.namelist())))', await download.path()], { encoding: 'utf8' });
    assert.equal(listed.stdout.trim(), 'dấu.png|ghi chú (2).txt|ghi chú.txt|thư.eml', listed.stderr);
  }

  /** An urgent letter that goes tomorrow: said, kept, taken back before it went. */
  async function scheduled(page) {
    const subject = `Giấy mời hẹn giờ ${Date.now() % 100_000}`;
    await page.goto(`${origin}/#/compose/new?to=${encodeURIComponent(second.address)}`);
    await compose(page, { subject, text: 'Kính mời.' });
    await page.click('.send-options button');
    await clean(page, 'options of sending');
    await shot(page, 'send-options');
    await page.click('[role=menuitemradio]:has-text("Thượng khẩn")');
    assert.equal(await page.inputValue('input[name=subject]'), `[THƯỢNG KHẨN] ${subject}`);
    await page.click('.send-options button');
    await page.click('.send-options [role=menuitem]:has-text("Sáng mai")');
    await page.locator('.send .primary', { hasText: 'Gửi lúc' }).click();
    await page.locator('.toast', { hasText: 'hẹn gửi lúc' }).waitFor();
    await page.click('.toast .btn:first-of-type');
    await page.locator('.toast', { hasText: 'Đã hẹn giờ gửi' }).waitFor();
    await page.click('.side li:nth-child(3) a');
    const row = page.locator('.msg', { hasText: subject });
    await row.locator('.tag', { hasText: 'Thượng khẩn' }).waitFor();
    await row.locator('.what a').click();
    await page.locator('.note', { hasText: 'Thư được hẹn gửi lúc' }).waitFor();
    await shot(page, 'scheduled');
    await page.click('.note .btn');
    await page.waitForSelector('.txt[contenteditable=true]');
    assert.equal(await page.inputValue('input[name=subject]'), `[THƯỢNG KHẨN] ${subject}`);
    const [pending] = await jmap(page, [['EmailSubmission/query', { filter: { undoStatus: 'pending' } }]]);
    assert.deepEqual(pending.ids, [], 'nothing waits any more');
    await page.click('.send > .icon');
    await page.click('.dialog .danger');
    await page.waitForSelector('.app .list');
  }

  /** The server's answers say whether there is a connection; cut in the midst of sending, a letter goes once it is back. */
  async function cut(page) {
    const bar = page.locator('.connection');
    await page.goto(`${origin}/#/box/inbox`);
    await page.waitForSelector('.msg:not(.ghost)');
    await page.evaluate(() => window.dispatchEvent(new Event('offline')));
    await page.waitForResponse((answer) => answer.url().endsWith('/jmap/api') && answer.ok());
    assert.equal(await bar.textContent(), '', 'the browser errs: the server answers');
    await page.evaluate(() => window.dispatchEvent(new Event('online')));
    // What is done while the server is away is kept, said, and sent once it is back.
    await openFirst(page);
    const top = (await subjects(page))[0];
    await page.route('**/jmap/api', (route) => route.abort());
    await page.keyboard.press('s');
    await page.waitForSelector('.msg.open .flag.on');
    await page.keyboard.press('e');
    await page.waitForFunction((gone) => document.querySelector('.msg .t')?.textContent !== gone, top);
    await bar.filter({ hasText: '2 việc vừa làm sẽ được gửi khi kết nối lại.' }).waitFor();
    await shot(page, 'queued');
    // Both answers, then nothing waits: only the server knows it now.
    const sets = () => page.waitForResponse((answer) => answer.ok() && /"Email.set"/.test(answer.request().postData() ?? ''));
    const [flagged] = [sets(), await page.unroute('**/jmap/api')];
    await flagged;
    await page.waitForFunction(() => document.querySelector('.connection').textContent === '');
    await page.click('.side li:nth-child(4) a');
    const kept = page.locator('.msg:has(.flag.on) .t', { hasText: top }).first();
    await kept.waitFor();
    await page.reload();
    await kept.waitFor();
    const subject = `Thư lúc đứt mạng ${Date.now() % 100_000}`;
    await page.goto(`${origin}/#/compose/new?to=${encodeURIComponent(second.address)}`);
    await compose(page, { subject, text: 'Đang viết thì mất mạng.' });
    await page.locator('.tools small', { hasText: 'Đã lưu nháp' }).waitFor();
    await page.keyboard.press('Control+Enter');
    await page.waitForSelector('.toast .btn');
    // The letter goes, its answer is lost on the way.
    await page.route('**/jmap/api', async (route) => {
      if (route.request().postData().includes('EmailSubmission/set')) await route.fetch();
      await route.abort();
    });
    await page.click('.toast .btn:first-of-type');
    await page.locator('.toast', { hasText: 'Thư sẽ tự gửi khi kết nối lại' }).waitFor();
    await bar.locator('svg').waitFor();
    await shot(page, 'cut');
    await page.unroute('**/jmap/api');
    await page.locator('.toast', { hasText: 'Đã gửi thư.' }).waitFor();
    await page.waitForFunction(() => document.querySelector('.connection').textContent === '');
    const count = async (role) => {
      const [boxes] = await jmap(page, [['Mailbox/get', { ids: null }]]);
      const [found] = await jmap(page, [['Email/query', { filter: { inMailbox: boxes.list.find((box) => box.role === role).id, subject }, calculateTotal: true }]]);
      return found.total;
    };
    assert.deepEqual([await count('sent'), await count('drafts')], [1, 0], 'sent once, no draft is left');
  }

  /** Whom the owner is told of: nobody at first, then who read his mailbox and why, in the newest place. */
  async function looks(page) {
    const api = (path, data) => page.request.fetch(`${origin}/api/v1/${path}`, {
      method: data ? 'POST' : 'GET', data, headers: { authorization: `Bearer ${demo.api_token}`, 'audit-reason': 'Tim cong van 12' },
    });
    const whose = (await (await api(`accounts?address=${first.address}`)).json()).items[0].id;
    await page.goto(`${origin}/#/settings`);
    await page.locator('.reads .standing', { hasText: 'Chưa có ai.' }).waitFor();
    const opened = await api(`accounts/${whose}/impersonations`, { minutes: 5 });
    assert.equal(opened.status(), 201, await opened.text());
    await page.reload();
    const row = page.locator('.reads li', { hasText: 'Đọc hộp thư như chủ hộp thư' });
    await row.getByText('Tim cong van 12').waitFor();
    assert.match(await row.textContent(), new RegExp(`${demo.admins[0].address}.*đến \\d\\d:\\d\\d`));
    await clean(page, 'who has looked into the mailbox');
    await row.scrollIntoViewIfNeeded();
    await shot(page, 'looks');
    await page.keyboard.press('Escape');
    await page.waitForSelector('.app .list');
  }

  /** How one signs: by the agency's form, cleaned, once in each letter and draft, and changed with the address that sends. */
  async function signatures(page) {
    const api = (path, data) => page.request.fetch(`${origin}/api/v1/${path}`, {
      method: data ? 'POST' : 'GET', data, headers: { authorization: `Bearer ${demo.api_token}` },
    });
    const whose = (await (await api(`accounts?address=${first.address}`)).json()).items[0].id;
    const alias = `thu-ky-${Date.now() % 100_000}@${first.address.split('@')[1]}`;
    const made = await api('aliases', { address: alias, account: whose });
    assert.equal(made.status(), 201, await made.text());
    await page.goto(`${origin}/#/settings`);
    await page.reload();
    const row = (address) => page.locator('.signs > li', { hasText: address });
    await row(first.address).getByRole('button').click();
    await page.waitForSelector('.sign-rich .txt[contenteditable=true]');
    await page.getByRole('button', { name: 'Dùng mẫu của cơ quan' }).click();
    await page.locator('.sign-rich .txt b', { hasText: first.name }).waitFor();
    assert.match(await page.textContent('.sign-rich .txt'), new RegExp(`Điện thoại:.*${first.address}`));
    await clean(page, 'the form of a signature');
    await shot(page, 'signature');
    await page.click('.sign-form .primary');
    await row(first.address).locator('.signed', { hasText: first.name }).waitFor();
    await row(alias).getByRole('button').click();
    await page.getByLabel('Chữ thường').click();
    await page.fill('.sign-form textarea', 'Thư ký <1>\nVăn phòng');
    await page.click('.sign-form .primary');
    await row(alias).locator('.signed', { hasText: 'Thư ký <1>' }).waitFor();
    await clean(page, 'signatures');
    await shot(page, 'signatures');

    const signed = () => page.$$eval('.txt .signature', (all) => all.map((one) => one.innerText.trim()));
    const become = (text) => page.waitForFunction((wanted) => document.querySelector('.txt .signature')?.innerText.includes(wanted), text);
    await page.keyboard.press('Escape');
    await page.waitForSelector('.app .list');
    await openFirst(page);
    await page.keyboard.press('r');
    await become(first.name);
    const above = await page.$eval('.txt', (text) => Boolean(text.querySelector('.signature').compareDocumentPosition(text.querySelector('blockquote')) & 4));
    assert.ok(above, 'the signature is above what is quoted');
    await shot(page, 'signed-answer');
    assert.equal(await page.textContent('.ed .tools small'), '', 'what is only signed is no draft');
    await page.keyboard.press('Escape');
    await page.waitForSelector('.app .list');
    await page.keyboard.press('c');
    await become(first.name);
    assert.equal((await signed()).length, 1);
    await page.selectOption('select[name=from]', alias);
    await become('Thư ký <1>');
    const subject = `chu-ky-${Date.now() % 100_000}`;
    await compose(page, { to: second.address, subject, text: 'Kính gửi. ' });
    assert.deepEqual(await signed(), ['Thư ký <1>\nVăn phòng']);
    await clean(page, 'a signed letter');
    await page.keyboard.press('Escape');
    await page.waitForSelector('.app .list');
    // Opened again it is the same draft, signed once.
    await page.click('.side li:nth-child(2) a');
    await page.locator('.msg', { hasText: subject }).first().click();
    await become('Thư ký <1>');
    assert.deepEqual(await signed(), ['Thư ký <1>\nVăn phòng']);
    await page.selectOption('select[name=from]', first.address);
    await become(first.name);
    assert.equal((await signed()).length, 1);
    await page.click('.send > .icon');
    await page.click('.dialog .danger');
    await page.waitForSelector('.app .list');
    const [{ list }] = await jmap(page, [['Identity/get', { ids: null }]]);
    const update = Object.fromEntries(list.map((one) => [one.id, { htmlSignature: '', textSignature: '' }]));
    await jmap(page, [['Identity/set', { update }]]);
    await page.click('.side li:nth-child(1) a');
    await page.waitForSelector('.msg:not(.ghost)');
  }

  return [forged, search, later, folders, files, scheduled, cut, looks, signatures];
}
