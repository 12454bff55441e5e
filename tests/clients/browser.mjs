// The webmail in a real browser against `congvu demo`: signs in, reads, answers
// with an attachment, signs out, receives it as the other person, compares the
// bytes; opens a hostile letter; asks where letters are, forwards mail, sees who looked into the mailbox; runs axe over screens, themes and languages.
//
//   DEMO=DIR/demo.json OUT=FOLDER node tests/clients/browser.mjs
//
// CHROMIUM names another browser; BENCH=1 prints sizes and times as well. Ends
// with `== OK`, or with what failed and exit status 1; screenshots are in OUT.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { arrive, flows } from './flows.mjs';

const APP = fileURLToPath(new URL('../../webmail/app/', import.meta.url));
const WHOLE_MS = 420_000;
const STEP_MS = 20_000;
const FLAGS = [
  '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync', '--disable-dev-shm-usage',
];
const AXE_TAGS = ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa'];
const FILE_NAME = 'Báo cáo kết quả quý III.pdf';

const demo = JSON.parse(readFileSync(process.env.DEMO ?? 'demo-data/demo.json', 'utf8'));
const out = process.env.OUT ?? 'test-output/browser';
mkdirSync(out, { recursive: true });
const [first, second] = demo.accounts;
const origin = new URL(demo.urls.webmail).origin;
const file = Buffer.concat([Buffer.from('%PDF-1.4\n'), randomBytes(150_000)]);

/** The tests' packages are not the build's: they are fetched when they are missing. */
function packages() {
  if (!existsSync(join(APP, 'node_modules/playwright-core')) || !existsSync(join(APP, 'node_modules/axe-core'))) {
    console.log('npm ci in webmail/app for playwright-core and axe-core');
    const done = spawnSync('npm', ['ci', '--no-fund', '--no-audit'], { cwd: APP, encoding: 'utf8' });
    assert.equal(done.status, 0, `npm ci failed: ${done.stderr}`);
  }
  const require = createRequire(join(APP, 'package.json'));
  return {
    chromium: require('playwright-core').chromium,
    axe: readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8'),
  };
}

/** A busy machine sometimes loses the browser while it starts: once more is fair. */
async function launch(chromium) {
  const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await chromium.launch({ executablePath, args: FLAGS, timeout: 60_000 });
    } catch (error) {
      if (attempt === 2) throw error;
      console.log(`chromium did not start, once more: ${error.message.split('\n')[0]}`);
    }
  }
}

const { chromium, axe } = packages();
let browser = await launch(chromium);
let current = null;
const said = [];

const deadline = setTimeout(() => {
  console.error(`not done after ${WHOLE_MS / 1000} s`);
  process.exit(1);
}, WHOLE_MS);

const shot = (page, name) => page.screenshot({ path: join(out, `${name}.png`) });

/** A fresh person's browser: no cookies, no cache. */
async function visit({ width = 1440, height = 900, dark = false, lang = 'vi', touch = false } = {}) {
  const context = await browser.newContext({
    viewport: { width, height }, colorScheme: dark ? 'dark' : 'light', ignoreHTTPSErrors: true, acceptDownloads: true,
    locale: 'vi-VN', timezoneId: 'Asia/Ho_Chi_Minh', hasTouch: touch, isMobile: touch,
  });
  await context.addCookies([{ name: 'lang', value: lang, url: origin }]);
  const page = await context.newPage();
  page.setDefaultTimeout(STEP_MS);
  page.on('console', (message) => { if (message.type() === 'error') said.push(message.text()); });
  page.on('pageerror', (error) => said.push(`page error: ${error.message}`));
  current = page;
  return page;
}

async function signIn(page, account) {
  await page.goto(demo.urls.webmail);
  await page.fill('input[name=address]', account.address);
  await page.fill('input[name=password]', account.password);
  await page.click('button[type=submit]');
  await page.waitForSelector('.app .list');
  await page.waitForSelector('.msg:not(.ghost), .list .state');
}

async function signOut(page) {
  await page.click('.avatar-button');
  await page.click('.account [role=group]:last-child [role=menuitem]');
  await page.waitForSelector('input[name=password]');
}

const subjects = (page) => page.$$eval('.msg:not(.ghost) .t', (rows) => rows.map((row) => row.textContent));

async function clean(page, name) {
  // What fades in has its contrast when it has come; spinners never end.
  await page.evaluate(() => Promise.all(document.getAnimations()
    .filter((one) => Number.isFinite(one.effect?.getComputedTiming().endTime)).map((one) => one.finished.catch(() => {}))));
  const { violations } = await page.evaluate(
    `(() => { ${axe}; return axe.run(document, { runOnly: ${JSON.stringify(AXE_TAGS)} }); })()`);
  const told = violations.map((one) => `${one.id}: ${one.nodes.slice(0, 3).map((node) => node.html.slice(0, 160)).join(' | ')}`);
  assert.deepEqual(told, [], `axe on ${name}`);
}

/** A call to the API as the page itself would make it. */
const jmap = (page, calls) => page.evaluate(async (methodCalls) => {
  const session = await (await fetch('/jmap/session')).json();
  const accountId = session.primaryAccounts['urn:ietf:params:jmap:mail'];
  const answer = await fetch('/jmap/api', {
    method: 'POST', headers: { 'content-type': 'application/json', 'x-congvu': '1' },
    body: JSON.stringify({
      using: ['core', 'mail', 'submission', 'principals', 'mail:share'].map((name) => `urn:ietf:params:jmap:${name}`),
      methodCalls: methodCalls.map(([name, args], index) => [name, { accountId, ...args }, String(index)]),
    }),
  });
  return (await answer.json()).methodResponses.map((response) => response[1]);
}, calls);

async function openFirst(page) {
  await page.click('.msg:not(.ghost) .what a');
  // Another letter may be open until this one is.
  await page.waitForFunction(() => {
    const [first] = document.querySelectorAll('.msg:not(.ghost)');
    return first?.classList.contains('open') && document.querySelector('.paper h2');
  });
}

async function compose(page, { subject, text, to }) {
  await page.waitForSelector('.txt[contenteditable=true]');
  if (to) {
    await page.fill('input[name=to]', to);
    await page.keyboard.press('Enter');
  }
  if (subject) await page.fill('input[name=subject]', subject);
  await page.click('.txt');
  await page.keyboard.press('Control+Home');
  await page.keyboard.type(text);
}

/** Reads, answers with a file and sends without waiting for the ten seconds. */
async function answer(page, subject) {
  await openFirst(page);
  await shot(page, 'reading');
  await page.keyboard.press('r');
  await page.waitForSelector('.txt[contenteditable=true]');
  const quoted = await page.$eval('.txt', (body) => body.querySelector('blockquote') !== null);
  assert.ok(quoted, 'the answer quotes the letter');
  // Whoever wrote the first letter: this story's answer goes to the second person.
  for (const pill of await page.$$('.pill button')) await pill.click();
  await compose(page, { subject, text: 'Kính gửi đồng chí, tôi gửi kèm báo cáo. ', to: `${second.name} <${second.address}>` });
  await page.setInputFiles('input[type=file]', { name: FILE_NAME, mimeType: 'application/pdf', buffer: file });
  await page.waitForFunction(() => document.querySelector('.ed .file') && !document.querySelector('.ed progress'));
  await shot(page, 'answering');
  await page.keyboard.press('Control+Enter');
  await page.waitForSelector('.toast');
  await shot(page, 'sending');
  await page.click('.toast .btn:first-of-type');
  await page.waitForFunction(() => !document.querySelector('.toast .btn'));
  await page.click('.side li:nth-child(3) a');
  await page.waitForFunction((wanted) => document.querySelector('.msg .t')?.textContent === wanted, subject);
  await shot(page, 'sent');
}

async function receive(page, subject) {
  await page.waitForFunction((wanted) => [...document.querySelectorAll('.msg .t')].some((row) => row.textContent === wanted), subject);
  assert.match(await page.title(), /^\(\d+\) /, 'the title counts what is unread');
  await page.click(`.msg:has(.t:text-is(${JSON.stringify(subject)})) .what a`);
  await page.waitForSelector('.paper .file');
  const frame = page.frameLocator('.paper iframe');
  await frame.locator('body').waitFor();
  assert.match(await frame.locator('body').innerText(), /tôi gửi kèm báo cáo/);
  assert.equal(await page.textContent('.paper .file-name span'), FILE_NAME);
  const [download] = await Promise.all([page.waitForEvent('download'), page.click('.paper a.file')]);
  const saved = join(out, 'downloaded.pdf');
  await download.saveAs(saved);
  assert.ok(readFileSync(saved).equals(file), 'the attachment came byte for byte');
  assert.equal(download.suggestedFilename(), FILE_NAME);
  await page.waitForFunction(() => !document.querySelector('.msg.open')?.classList.contains('un'));
  await shot(page, 'received');
}

/** New mail shows by itself, without any act. */
async function live(page) {
  const subject = `Thư đến trực tiếp ${Date.now()}`;
  await page.click('.side li:nth-child(1) a');
  const before = (await subjects(page))[0];
  assert.notEqual(before, subject);
  const other = await (async () => {
    const kept = current;
    const made = await visit();
    await signIn(made, first);
    current = kept;
    return made;
  })();
  await other.goto(`${origin}/#/compose/new?to=${encodeURIComponent(second.address)}`);
  await compose(other, { subject, text: 'Chào đồng chí.' });
  await other.keyboard.press('Control+Enter');
  await other.click('.toast .btn:first-of-type');
  await page.waitForFunction((wanted) => document.querySelector('.msg .t')?.textContent === wanted, subject);
  await other.context().close();
}

/** Acts on a message: flag, archive, undo, bin, back. */
async function acts(page) {
  const top = (await subjects(page))[0];
  await openFirst(page);
  await page.keyboard.press('s');
  await page.waitForSelector('.msg.open .flag.on');
  await page.keyboard.press('s');
  await page.waitForSelector('.msg.open .flag:not(.on)');
  for (const key of ['e', '#']) {
    await page.keyboard.press(key);
    await page.waitForSelector('.toast .btn');
    await page.waitForFunction((gone) => document.querySelector('.msg .t')?.textContent !== gone, top);
    await page.keyboard.press('z');
    await page.waitForFunction((back) => document.querySelector('.msg .t')?.textContent === back, top);
    await openFirst(page);
  }
  await page.keyboard.press('/');
  await page.keyboard.type(top.split(' ')[0]);
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => /“/.test(document.querySelector('.list h1')?.textContent ?? ''));
  await page.waitForSelector('.msg:not(.ghost)');
  await shot(page, 'search');
}

const HOSTILE = `<html><head><base href="https://evil.example/"><meta http-equiv="refresh" content="0;url=https://evil.example/m">
<style>body{background:url(https://evil.example/s)} @import "https://evil.example/i";</style></head>
<body onload="alert(1)" background="https://evil.example/b"><p>Nội dung thật.</p><script>alert(2)</script>
<img src="https://evil.example/1.png"><img src=x onerror="alert(3)"><svg onload="alert(4)"><image href="https://evil.example/2.png"/></svg>
<a href="javascript:alert(5)">bấm</a><iframe src="https://evil.example/f"></iframe><form action="https://evil.example/x"><input name=p></form>
<div style="position:fixed;inset:0;background:url(https://evil.example/3.png)">che</div><object data="https://evil.example/o"></object>
<math><mtext><style><img src=x onerror="alert(6)"></style></mtext></math></body></html>`;

/** What must be neither in a letter nor in the editor: elements and attributes, not words that look like them. */
const dirt = (root) => [...root.querySelectorAll('*')].filter((element) =>
  /^(script|iframe|form|input|svg|math|object|embed|base|meta|link|style)$/i.test(element.tagName)
  || [...element.attributes].some(({ name, value }) => /^(on|srcset|id$|name$|class$)/i.test(name) && !(name === 'class' && /^(part|signature$)/.test(value))
    || /^\s*(javascript|data|vbscript):/i.test(value) || (name === 'style' && /url\(|position|expression/i.test(value))
    || /^(src|background)$/i.test(name) && /^(https?:)?\/\//i.test(value))).map((element) => element.outerHTML.slice(0, 200));

/** A hostile letter shows its words, asks nobody, runs nothing, and is quoted clean. */
async function hostile(page) {
  const outside = [];
  page.on('request', (request) => { if (!request.url().startsWith(origin) && !/^(data|blob|about):/.test(request.url())) outside.push(request.url()); });
  let dialogs = 0;
  page.on('dialog', (dialog) => { dialogs += 1; void dialog.dismiss(); });
  const subject = `Thư lạ ${Date.now()} </script><img src=x onerror=alert(7)>`;
  const [boxes] = await jmap(page, [['Mailbox/get', { ids: null }]]);
  const inbox = boxes.list.find((box) => box.role === 'inbox').id;
  const [set] = await jmap(page, [['Email/set', { create: { x: {
    mailboxIds: { [inbox]: true }, from: [{ name: '<b onclick=alert(8)>Kẻ lạ', email: 'la@evil.example' }], to: [{ name: null, email: second.address }],
    subject, htmlBody: [{ partId: 'h', type: 'text/html' }], bodyValues: { h: { value: HOSTILE } },
  } } }]]);
  const id = set.created?.x?.id;
  assert.ok(id, `the letter was made: ${JSON.stringify(set)}`);
  await page.goto(`${origin}/#/box/inbox/${id}`);
  await page.waitForSelector('.paper iframe');
  const frame = page.frameLocator('.paper iframe');
  await frame.getByText('Nội dung thật.').waitFor();
  await page.waitForSelector('.paper .note');
  await shot(page, 'hostile');
  const inside = await (await page.$('.paper iframe')).contentFrame();
  assert.deepEqual(await inside.$eval('body', dirt), [], 'the letter as it is shown');
  await page.keyboard.press('r');
  await page.waitForSelector('.txt[contenteditable=true] blockquote');
  assert.deepEqual(await page.$eval('.txt', dirt), [], 'the letter as it is quoted');
  await page.evaluate((html) => {
    const data = new DataTransfer();
    data.setData('text/html', html);
    document.querySelector('.txt').dispatchEvent(new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true }));
  }, HOSTILE);
  await page.waitForTimeout(300);
  assert.deepEqual(await page.$eval('.txt', dirt), [], 'the letter as it is pasted');
  assert.equal(await page.$eval('.txt', (body) => body.querySelector('img') === null), true, 'no picture is fetched by quoting');
  assert.deepEqual([outside, dialogs], [[], 0], 'nothing was asked outside, nothing ran');
  await page.keyboard.press('Escape');
  await page.waitForSelector('.app .list');
  await jmap(page, [['Email/set', { destroy: [id] }]]);
}

/** What somebody shares to read appears by itself under his name, offers nothing that is not allowed, and goes. */
async function shared(page) {
  const kept = current;
  const owner = await visit();
  await signIn(owner, first);
  const [boxes, found] = await jmap(owner, [
    ['Mailbox/get', { ids: null }], ['Principal/query', { filter: { email: second.address } }],
  ]);
  const inbox = boxes.list.find((box) => box.role === 'inbox').id;
  const give = (rights) => jmap(owner, [['Mailbox/set', { update: { [inbox]: { [`shareWith/${found.ids[0]}`]: rights } } }]]);
  await give({ mayReadItems: true });
  current = kept;
  await page.goto(`${origin}/#/box/inbox`);
  const link = page.locator('.accounts a', { hasText: first.name });
  await link.waitFor();
  assert.match(await link.textContent(), new RegExp(`${first.position}.*${first.address}`));
  await link.focus();
  await page.keyboard.press('Enter');
  await page.waitForSelector('.owner');
  await openFirst(page);
  assert.equal(await page.textContent('.owner b'), first.name);
  assert.equal(await page.textContent('.list-owner .tag'), 'Chỉ đọc');
  assert.equal(await page.locator('.side h2', { hasText: 'Thư mục riêng' }).count(), 0);
  for (const act of ['Lưu trữ', 'Chuyển đến thư mục', 'Báo thư rác', 'Xoá']) {
    assert.equal(await page.locator(`.tools [aria-label="${act}"]`).count(), 0, `${act} is not offered`);
  }
  await clean(page, 'shared mailbox');
  await shot(page, 'shared');
  await page.keyboard.press('#');
  await page.waitForSelector('.toast.bad');
  await page.click('.tools [aria-haspopup=menu]');
  await page.click('[role=menuitem]:has-text("Chép vào hộp thư của tôi")');
  await page.waitForSelector('.toast:has-text("Đã chép thư")');
  // One answers as oneself, with the letter quoted.
  await page.keyboard.press('r');
  await page.waitForSelector('.txt[contenteditable=true] blockquote');
  assert.match(await page.textContent('.from-own'), new RegExp(first.name));
  assert.match(await page.textContent('.fld .own'), new RegExp(second.address));
  await page.keyboard.press('Escape');
  await page.waitForSelector('.app .list');
  await give(null);
  await page.waitForSelector('.lost');
  assert.equal(await page.locator('.msg').count(), 0, 'nothing of it stays on the page');
  await shot(page, 'shared-no-more');
  await page.click('.lost a');
  await page.waitForSelector('.msg:not(.ghost)');
  assert.equal(await page.locator('.accounts a', { hasText: first.name }).count(), 0);
  await owner.context().close();
}

/** Who holds a seat writes as the seat: chosen in the letter, or found by whom the answered letter was for. */
async function seats(holder) {
  const page = await visit();
  await signIn(page, holder);
  const seat = `vanthu@${demo.domain}`;
  const subject = `Giấy mời họp ${Date.now() % 100_000}`;
  await page.goto(`${origin}/#/compose/new?to=${encodeURIComponent(second.address)}`);
  await page.waitForSelector('select[name=from]');
  assert.equal(await page.inputValue('select[name=from]'), holder.address, 'one begins as oneself');
  await page.selectOption('select[name=from]', seat);
  await compose(page, { subject, text: 'Kính mời đồng chí dự họp.' });
  await clean(page, 'compose as a seat');
  await shot(page, 'seat');
  await page.keyboard.press('Control+Enter');
  await page.click('.toast .btn:first-of-type');
  await page.waitForFunction(() => !document.querySelector('.toast .btn'));
  const [, sent] = await jmap(page, [
    ['Email/query', { filter: { subject } }], ['Email/get', { '#ids': { resultOf: '0', name: 'Email/query', path: '/ids' }, properties: ['from', 'sender'] }],
  ]);
  assert.deepEqual(sent.list.map((one) => [one.from[0].email, one.sender]), [[seat, null]], 'sent as the seat');
  await page.click('.accounts a:has-text("Văn thư")');
  await page.waitForSelector('.owner');
  await openFirst(page);
  await page.keyboard.press('r');
  await page.waitForSelector('.txt[contenteditable=true] blockquote');
  assert.equal(await page.inputValue('select[name=from]'), seat, 'a letter to the seat is answered by the seat');
  assert.equal(await page.locator('.from-own').count(), 0);
  await shot(page, 'seat-answers');
  await page.keyboard.press('Escape');
  await page.context().close();
}

/** "Where is this letter?" and "Where does it come from?", the marks in Sent. */
async function whereabouts(page) {
  const subject = `Thư hỏi đường ${Date.now() % 100_000}`;
  await page.goto(`${origin}/#/compose/new?to=${encodeURIComponent(second.address)}`);
  await compose(page, { subject, text: 'Kính gửi.', to: 'doitac@vidu.example' });
  await page.keyboard.press('Control+Enter');
  // Nobody wrote there before: that is asked about first.
  await page.locator('.dialog.ask li', { hasText: 'Lần đầu gửi ra ngoài tới địa chỉ này: doitac@vidu.example' }).waitFor();
  await page.click('.dialog .primary');
  await page.click('.toast .btn:first-of-type');
  await page.waitForFunction(() => !document.querySelector('.toast .btn'));
  await page.click('.side li:nth-child(3) a');
  const row = page.locator('.msg', { hasText: subject });
  await row.locator('.became.waiting').waitFor();
  await row.locator('.what a').click();
  await page.waitForSelector('.journey-button');
  assert.equal(await page.textContent('.journey-button'), 'Thư đã đi đến đâu?');
  await page.keyboard.press('w');
  const head = page.locator('.journey-head h3');
  await head.filter({ hasText: 'Đang chờ gửi tới 1 trong 2 người nhận' }).waitFor();
  const people = await page.$$eval('.journey-one', (all) => all.map((one) => one.textContent));
  assert.match(people[0], /^doitac@vidu\.exampleĐang chờ, sẽ thử lại/);
  assert.match(people[1], new RegExp(`^${second.address}Đã vào hộp thư`));
  assert.equal(await page.textContent('.journey-why'), 'Máy chủ này chưa được thiết lập để gửi thư ra ngoài.');
  await page.click('.journey-people li:nth-child(2) summary');
  await page.getByText('Vào hộp thư người nhận').waitFor();
  await clean(page, 'where a letter is');
  await shot(page, 'journey');
  // Given up by an administrator: its sender sees that, and no name.
  const api = page.context().request;
  const token = { authorization: `Bearer ${demo.api_token}` };
  const listed = await (await api.get(`${demo.urls.api}queue?recipient=doitac@vidu.example`, { headers: token })).json();
  for (const item of listed.items) await api.delete(`${demo.urls.api}queue/${item.id}`, { headers: token });
  await page.click('.journey-tools button:first-child');
  await head.filter({ hasText: 'Không gửi được tới 1 trong 2 người nhận' }).waitFor();
  assert.equal(await page.textContent('.journey-why'), 'Quản trị viên đã bỏ thư này khỏi hàng đợi.');
  await page.click('.journey-people li:first-child summary');
  await page.getByText('Quản trị viên bỏ thư khỏi hàng đợi').waitFor();
  assert.ok(!(await page.textContent('.journey')).includes('quantri'), 'no name of an administrator');
  await shot(page, 'journey-failed');
  await page.keyboard.press('Escape');
  await page.waitForSelector('.journey', { state: 'detached' });
  await row.locator('.p.harm').waitFor();
  await shot(page, 'sent-states');
  const foreign = `la-${Date.now() % 100_000}`;
  await arrive(demo, 'la@noi.example', first.address, foreign);
  await page.click('.side li:nth-child(1) a');
  await page.click(`.msg:has(.t:text-is("${foreign}")) .what a`);
  await page.locator('.journey-button', { hasText: 'Thư này từ đâu đến?' }).click();
  await page.getByText('Từ máy chủ mail.noi.example').waitFor();
  await page.getByText('Không mã hoá').waitFor();
  await clean(page, 'whence a letter came');
  await shot(page, 'whence');
}

/** Where one's mail goes on to: what the agency forbids is refused with a reason, what it lets is kept. */
async function forwarding(page) {
  await page.click('.rail .menu button');
  await page.click('[role=menuitem]:has-text("Mọi cài đặt")');
  await page.waitForSelector('.forwarding');
  assert.equal(await page.textContent('.standing'), 'Hiện không chuyển tiếp.');
  await page.fill('.adder input', 'khong-phai');
  await page.keyboard.press('Enter');
  await page.locator('.adder .why', { hasText: 'không phải địa chỉ' }).waitFor();
  await page.fill('.adder input', 'an@noi.example');
  await page.click('.forwarding .primary');
  await page.locator('.refusal', { hasText: 'cơ quan không cho chuyển tiếp thư ra ngoài' }).waitFor();
  await shot(page, 'forwarding-refused');
  await page.click('.targets button');
  await page.fill('.adder input', second.address);
  await page.keyboard.press('Enter');
  await page.click('.forwarding .tick');
  await clean(page, 'settings');
  await page.click('.forwarding .primary');
  await page.locator('.standing', { hasText: 'Đang chuyển tiếp tới 1 địa chỉ.' }).waitFor();
  await shot(page, 'forwarding');
  await page.reload();
  await page.locator('.targets', { hasText: second.address }).waitFor();
  assert.equal(await page.isChecked('.forwarding .tick input'), false, 'no copy is kept, as chosen');
  await page.click('.forwarding footer .btn:last-child');
  await page.locator('.standing', { hasText: 'Hiện không chuyển tiếp.' }).waitFor();
  await page.keyboard.press('Escape');
  await page.waitForSelector('.app .list');
}

async function accessibility(account) {
  for (const dark of [false, true]) {
    for (const lang of ['vi', 'en']) {
      const name = `${dark ? 'dark' : 'light'}-${lang}`;
      const page = await visit({ dark, lang });
      await signIn(page, account);
      assert.equal(await page.getAttribute('html', 'lang'), lang);
      await openFirst(page);
      await page.waitForTimeout(300);
      await clean(page, `inbox ${name}`);
      await shot(page, `inbox-${name}`);
      await page.keyboard.press('c');
      await compose(page, { to: 'nguoi.ngoai@vidu.example', subject: 'Kế hoạch', text: 'Kính gửi' });
      await clean(page, `compose ${name}`);
      await shot(page, `compose-${name}`);
      await page.click('.send > .icon');
      await clean(page, `dialog ${name}`);
      await page.click('.dialog .danger');
      await page.waitForSelector('.app .list');
      await page.click('.side li:nth-child(3) a');
      await openFirst(page);
      await page.click('.journey-button');
      await page.waitForSelector('.journey-head');
      await clean(page, `journey ${name}`);
      await shot(page, `journey-${name}`);
      await page.goto(`${origin}/#/settings`);
      await page.waitForSelector('.forwarding');
      await clean(page, `settings ${name}`);
      await shot(page, `settings-${name}`);
      await page.context().close();
    }
  }
  const narrow = await visit({ width: 390, height: 844, touch: true });
  await signIn(narrow, account);
  await clean(narrow, 'inbox narrow');
  await shot(narrow, 'inbox-390');
  await openFirst(narrow);
  await clean(narrow, 'reading narrow');
  await shot(narrow, 'reading-390');
  const fits = () => narrow.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth);
  assert.ok(await fits(), 'nothing sticks out at 390 px');
  await narrow.click('.journey-button');
  await narrow.waitForSelector('.journey-head');
  await clean(narrow, 'journey narrow');
  await shot(narrow, 'journey-390');
  assert.ok(await fits(), 'the journey fits into 390 px');
  await narrow.goto(`${origin}/#/settings`);
  await narrow.waitForSelector('.forwarding');
  await clean(narrow, 'settings narrow');
  await shot(narrow, 'settings-390');
  assert.ok(await fits(), 'the settings fit into 390 px');
  await narrow.context().close();
}

/** Sizes as they came over the wire and times of a first visit. */
async function bench(account) {
  const times = [];
  let sizes = {};
  for (let round = 0; round < 5; round += 1) {
    const page = await visit();
    await page.addInitScript(() => {
      new MutationObserver((_, watch) => {
        if (!document.querySelector('.msg:not(.ghost)')) return;
        window.firstRow = performance.now();
        watch.disconnect();
      }).observe(document, { childList: true, subtree: true });
    });
    await signIn(page, account);
    const seen = await page.evaluate(() => {
      const list = performance.getEntriesByType('resource').filter((entry) => entry.name.includes('/assets/'));
      const sum = (end) => list.filter((entry) => new URL(entry.name).pathname.endsWith(end)).reduce((all, entry) => all + entry.encodedBodySize, 0);
      return {
        row: window.firstRow, paint: performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0,
        sizes: { js: sum('.js'), css: sum('.css'), fonts: sum('.woff2'), icons: sum('.svg'), page: performance.getEntriesByType('navigation')[0].encodedBodySize },
      };
    });
    times.push(seen);
    sizes = seen.sizes;
    await page.context().close();
  }
  const median = (name) => Math.round(times.map((one) => one[name]).sort((a, b) => a - b)[2]);
  console.log(`bench webmail first_paint_ms=${median('paint')} first_row_ms=${median('row')} `
    + Object.entries(sizes).map(([name, octets]) => `${name}_bytes=${octets}`).join(' '));
}

async function story() {
  const subject = `Re: Báo cáo quý III, số ${Date.now() % 100_000}/BC-SNV`;
  let page = await visit();
  await signIn(page, first);
  await shot(page, 'inbox');
  await answer(page, subject);
  await signOut(page);
  await shot(page, 'signed-out');
  await page.goto(demo.urls.webmail);
  await page.waitForSelector('input[name=password]');
  await page.context().close();
  page = await visit();
  await signIn(page, second);
  await receive(page, subject);
  await live(page);
  await acts(page);
  await hostile(page);
  await shared(page);
  await page.context().close();
  page = await visit();
  await signIn(page, first);
  await whereabouts(page);
  for (const flow of flows({ origin, demo, people: [first, second], tools: { jmap, shot, clean, compose, openFirst, subjects } })) await flow(page);
  await forwarding(page);
  await page.context().close();
  await seats(demo.accounts.find((one) => one.address.startsWith('hanhbt@')));
  await accessibility(first);
  if (process.env.BENCH === '1') await bench(first);
}

let failed = false;
try {
  await story();
} catch (error) {
  failed = true;
  console.error(error);
  await current?.screenshot({ path: join(out, 'failed.png') }).catch(() => undefined);
  if (current) console.error(`at ${current.url()}`);
  for (const line of said.slice(-20)) console.error(`console: ${line}`);
}
clearTimeout(deadline);
await browser.close().catch(() => undefined);
browser = null;
if (!failed) console.log('== OK');
process.exit(failed ? 1 : 0);
