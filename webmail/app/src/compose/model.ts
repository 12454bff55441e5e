// One letter being written: what it says, what is saved, what is amiss.
import { computed, signal } from '@preact/signals';
import { boot } from '../boot';
import { MethodError, own, request } from '../jmap/client';
import type { Address, EmailRow, GetResponse, Id, Identity, QueryResponse, SetResponse } from '../jmap/objects';
import { has } from '../state/emails';
import { ownByRole } from '../state/mailboxes';
import { forgetKept, keepDraft } from '../state/kept';
import { identity, identityOf } from '../state/self';
import { syncSoon } from '../state/sync';
import { tell } from '../state/toast';
import { fold } from '../ui/format';
import { type Chip, added, chipOf, isOutside } from './address';
import { type FileItem, item, sizeMax, stop, upload } from './files';
import { BLANK, type Beginning } from './quote';
import { signatureOf } from './signature';
import { htmlToText } from './text';
import { words } from './words';

/** Quiet time after the last change before a draft is saved. */
const SAVE_AFTER_MS = 2_500;

/** A flaky line makes few of them. */
const STRAYS_MAX = 20;

/** An empty field is a few empty elements at most. */
const BLANK_MAX = 200;

const MENTIONS = /(dinh kem|kem theo|gui kem|tep kem|attached|attachment|enclosed)/;

/** How often the look is repeated where something else was changed between it and the act. */
const LOOKS_MAX = 5;

/** Destroys those that are drafts still, by a look that holds (RFC 8620 §5.3 ifInState); true if another one has become a sent letter. */
async function destroyDrafts(ids: Id[]): Promise<boolean> {
  for (let look = 0; look < LOOKS_MAX; look += 1) {
    const [get] = await request<[GetResponse<Pick<EmailRow, 'id' | 'keywords'>>]>([['Email/get', own({ ids, properties: ['keywords'] })]]);
    const drafts = get.list.filter((row) => has(row, '$draft')).map((row) => row.id);
    const isSent = drafts.length < get.list.length;
    if (drafts.length === 0) return isSent;
    try {
      await request([['Email/set', own({ ifInState: get.state, destroy: drafts })]]);
      return isSent;
    } catch (error) {
      if (!(error instanceof MethodError && error.type === 'stateMismatch')) throw error;
    }
  }
  throw new Error('too much changes');
}

export type Saving = 'clean' | 'dirty' | 'saving' | 'saved' | 'failed';

export class Letter {
  readonly to = signal<Chip[]>([]);
  readonly cc = signal<Chip[]>([]);
  readonly bcc = signal<Chip[]>([]);
  readonly subject = signal('');
  /** The address that was chosen to send from. */
  readonly chosen = signal<string | null>(null);
  readonly files = signal<FileItem[]>([]);
  /** Not before then. */
  readonly at = signal<Date | null>(null);
  /** The server tells when it has arrived; the reader's program is asked to tell when it was read. */
  readonly arrival = signal(false);
  readonly reading = signal(false);
  readonly saving = signal<Saving>('clean');
  readonly savedAt = signal<Date | null>(null);
  /** Nothing written and nothing quoted: the field says what it is for. */
  readonly blank = signal(false);
  /** Follows what is typed, for the checks. */
  readonly mentionsFile = signal(false);

  /** Read from the editor once it is there. */
  html: () => string;
  saved: Id | null;
  /** Whose signature stands in it, as far as it is known. */
  private signed: Identity | null = null;
  private readonly begun: Beginning;
  private timer = 0;
  private running: Promise<boolean> | null = null;
  /** Names every copy of this draft: one whose saving got no answer is found by it. */
  private readonly messageId: string;
  private unsure: boolean;
  /** Copies that newer ones have taken the place of, and that are not known to be gone. */
  private readonly doomed = new Set<Id>();

  constructor(begun: Beginning = BLANK) {
    this.begun = begun;
    this.to.value = begun.to;
    this.cc.value = begun.cc;
    this.bcc.value = begun.bcc;
    this.subject.value = begun.subject;
    this.files.value = begun.files;
    this.saved = begun.saved;
    this.at.value = begun.at ? new Date(begun.at) : null;
    this.arrival.value = begun.arrival ?? false;
    this.reading.value = begun.reading ?? false;
    this.messageId = begun.messageId ?? `${crypto.randomUUID()}@${boot.address.slice(boot.address.lastIndexOf('@') + 1)}`;
    this.unsure = begun.unsure ?? false;
    this.html = () => begun.html;
  }

  readonly everyone = computed(() => [...this.to.value, ...this.cc.value, ...this.bcc.value]);
  readonly bad = computed(() => this.everyone.value.filter((chip) => !chip.ok));
  readonly outside = computed(() => this.everyone.value.filter((chip) => chip.ok && isOutside(chip.email, boot.address)));
  readonly uploading = computed(() => this.files.value.filter((file) => !file.blobId && !file.failed));
  readonly failedFiles = computed(() => this.files.value.filter((file) => file.failed));
  readonly forgotten = computed(() => this.mentionsFile.value && this.files.value.length === 0);
  readonly canSend = computed(() =>
    this.everyone.value.length > 0 && this.bad.value.length === 0
    && this.uploading.value.length === 0 && this.failedFiles.value.length === 0);

  /** Who sends it: as chosen, or as it began, or oneself. */
  readonly sender = computed(() => identityOf([this.chosen.value ?? '', ...this.begun.as]) ?? identity.value);

  get answers() {
    return this.begun.answers;
  }

  changed(): void {
    this.saving.value = 'dirty';
    window.clearTimeout(this.timer);
    this.timer = window.setTimeout(() => void this.save(), SAVE_AFTER_MS);
  }

  /** Looks at what the person wrote, not at what is quoted. */
  look(): void {
    const html = this.html();
    const own = html.split(/<blockquote|<div class="signature"/i)[0] ?? '';
    const said = this.begun.answers || /<blockquote/i.test(html) ? html : own;
    this.blank.value = said.length < BLANK_MAX && said.replace(/<(?:\/?(?:div|p|br|b|i|u))[^>]*>|&nbsp;|\s/gi, '') === '';
    this.mentionsFile.value = MENTIONS.test(fold(own.replace(/<[^>]*>/g, ' ').replace(/&nbsp;/g, ' ')));
  }

  /** The signature to put in for who sends it now; null where it stays as it is: a draft was signed when it was begun. */
  sign(sender: Identity): string | null {
    const before = this.signed;
    this.signed = sender;
    if (before?.id === sender.id || (!before && !this.begun.unsigned)) return null;
    const were = new Set((before?.bcc ?? []).map((one) => one.email));
    const bcc = added(this.bcc.value.filter((one) => !were.has(one.email)), (sender.bcc ?? []).map(chipOf));
    if (bcc.length !== this.bcc.value.length || were.size > 0) this.bcc.value = bcc;
    return signatureOf(sender);
  }

  attach(list: File[]): string[] {
    const tooBig: string[] = [];
    for (const file of list) {
      if (file.size > sizeMax()) {
        tooBig.push(file.name);
        continue;
      }
      const made = item(file);
      this.files.value = [...this.files.value, made];
      upload(file, made.key, (key, change) => {
        this.files.value = this.files.value.map((one) => (one.key === key ? { ...one, ...change } : one));
        if (change.blobId) this.changed();
      });
    }
    return tooBig;
  }

  detach(key: number): void {
    stop(key);
    this.files.value = this.files.value.filter((file) => file.key !== key);
    this.changed();
  }

  /** Saves what is there; false when the server did not take it. One save at a time. */
  async save(): Promise<boolean> {
    window.clearTimeout(this.timer);
    while (this.running) await this.running;
    if (this.saving.value === 'clean' || this.saving.value === 'saved') return true;
    this.running = this.put();
    const good = await this.running;
    this.running = null;
    return good;
  }

  private async put(): Promise<boolean> {
    this.saving.value = 'saving';
    try {
      if (this.unsure) for (const id of await this.strays(this.saved)) this.doomed.add(id);
      this.unsure = true;
      const [set] = await request<[SetResponse]>([['Email/set', own({ create: { draft: this.email() } })]]);
      const made = set.created?.draft;
      if (!made) throw new Error(set.notCreated?.draft?.type ?? 'notCreated');
      if (this.saved) this.doomed.add(this.saved);
      this.saved = made.id;
      await this.clear(words().sentElsewhere);
      this.unsure = false;
      this.savedAt.value = new Date();
      if (this.saving.value === 'saving') this.saving.value = 'saved';
      forgetKept();
      syncSoon();
      return true;
    } catch {
      this.saving.value = 'failed';
      this.keep();
      return false;
    }
  }

  /** Takes away the copies that are no longer wanted; one that was sent meanwhile stays, and the person is told. */
  private async clear(said: string): Promise<void> {
    if (this.doomed.size === 0) return;
    const sent = await destroyDrafts([...this.doomed]);
    this.doomed.clear();
    if (sent) tell(said, undefined, 'bad');
  }

  /** Drafts that a save without an answer made all the same. */
  private async strays(known: Id | null): Promise<Id[]> {
    const filter = { inMailbox: ownByRole('drafts')?.id, header: ['Message-ID', this.messageId] };
    const [query] = await request<[QueryResponse]>([['Email/query', own({ filter, limit: STRAYS_MAX })]]);
    return query.ids.filter((id) => id !== known);
  }

  /** While the server is away the text stays in this tab, over a reload and a new sign-in too. */
  private keep(): void {
    keepDraft({
      ...this.begun, unsigned: this.signed ? false : this.begun.unsigned, as: [this.sender.value?.email ?? '', ...this.begun.as], to: this.to.value, cc: this.cc.value, bcc: this.bcc.value, subject: this.subject.value,
      html: this.html(), files: this.files.value.filter((file) => file.blobId), saved: this.saved,
      messageId: this.messageId, unsure: this.unsure, at: this.at.value?.toISOString() ?? null, arrival: this.arrival.value, reading: this.reading.value,
    } satisfies Beginning);
  }

  async discard(): Promise<void> {
    window.clearTimeout(this.timer);
    forgetKept();
    for (const file of this.uploading.value) stop(file.key);
    while (this.running) await this.running;
    if (this.saved) this.doomed.add(this.saved);
    await this.clear(words().sentAlready);
    syncSoon();
  }

  stopTimer(): void {
    window.clearTimeout(this.timer);
  }

  /** RFC 8621 §4.6: the letter as the server is to make it. */
  private email(): Record<string, unknown> {
    const html = this.html();
    const plain = ({ name, email }: Address) => ({ name, email });
    const people = (chips: Chip[]) => (chips.length > 0 ? chips.filter((chip) => chip.ok).map(plain) : null);
    const drafts = ownByRole('drafts')?.id ?? ownByRole('inbox')?.id ?? '';
    return {
      mailboxIds: { [drafts]: true },
      keywords: { $draft: true, $seen: true },
      from: [{ name: this.sender.value?.name || boot.name || null, email: this.sender.value?.email || boot.address }],
      to: people(this.to.value), cc: people(this.cc.value), bcc: people(this.bcc.value),
      replyTo: this.sender.value?.replyTo ?? null,
      subject: this.subject.value.normalize('NFC'),
      messageId: [this.messageId],
      ...(this.reading.value ? { 'header:Disposition-Notification-To:asAddresses': [{ name: null, email: this.sender.value?.email || boot.address }] } : {}),
      inReplyTo: this.begun.inReplyTo, references: this.begun.references,
      textBody: [{ partId: 'text', type: 'text/plain' }],
      htmlBody: [{ partId: 'html', type: 'text/html' }],
      bodyValues: {
        text: { value: htmlToText(html).normalize('NFC') },
        html: { value: `<!doctype html><html><body>${html.normalize('NFC')}</body></html>` },
      },
      attachments: this.files.value.filter((file) => file.blobId).map((file) => ({
        blobId: file.blobId, type: file.type, name: file.name, disposition: 'attachment',
      })),
    };
  }
}
