// The parts of RFC 8620 and RFC 8621 that this client speaks.

export type Id = string;

/** RFC 8620 §2, and the owner's name by RFC 9670 §1.5.2. */
export interface Account {
  name: string;
  isPersonal: boolean;
  isReadOnly?: boolean;
  accountCapabilities?: Record<string, Record<string, unknown>>;
}

/** RFC 9670 §2: who somebody is. */
export interface Principal {
  id: Id;
  /** `group`: the mailbox of a seat or an office. */
  type?: string;
  name: string;
  /** The position, for a person. */
  description: string | null;
  email: string | null;
}

/** RFC 9670 §3: what somebody may do with a mailbox of another was changed. */
export interface ShareNotification {
  id: Id;
  changedBy: { name: string; email: string | null };
  objectAccountId: Id;
  oldRights: Record<string, boolean> | null;
  newRights: Record<string, boolean> | null;
  name: string;
}

export interface Session {
  state?: string;
  apiUrl: string;
  uploadUrl: string;
  downloadUrl: string;
  eventSourceUrl: string;
  username?: string;
  primaryAccounts: Record<string, Id>;
  accounts: Record<Id, Account>;
  capabilities: Record<string, Record<string, unknown>>;
}

export interface Address {
  name: string | null;
  email: string;
}

export interface Mailbox {
  id: Id;
  name: string;
  parentId: Id | null;
  role: string | null;
  sortOrder: number;
  totalEmails: number;
  unreadEmails: number;
  myRights: Record<string, boolean>;
}

/** What a row of the list shows: RFC 8621 §4.1. */
export interface EmailRow {
  id: Id;
  blobId: Id;
  threadId: Id;
  mailboxIds: Record<Id, boolean>;
  keywords: Record<string, boolean>;
  size: number;
  receivedAt: string;
  hasAttachment: boolean;
  from: Address[] | null;
  to: Address[] | null;
  subject: string | null;
  preview: string;
}

export interface Part {
  partId: string | null;
  blobId: Id | null;
  size: number;
  name: string | null;
  type: string;
  disposition: string | null;
  cid: string | null;
}

export interface BodyValue {
  value: string;
  isTruncated?: boolean;
  isEncodingProblem?: boolean;
}

export interface Email extends EmailRow {
  cc: Address[] | null;
  bcc: Address[] | null;
  replyTo: Address[] | null;
  sentAt: string | null;
  messageId: string[] | null;
  inReplyTo: string[] | null;
  references: string[] | null;
  textBody: Part[];
  htmlBody: Part[];
  attachments: Part[];
  bodyValues: Record<string, BodyValue>;
  /** RFC 8621 §4.1.3: the header as it came, field by field; asked for where a letter is read. */
  headers?: { name: string; value: string }[];
}

export const ROW_PROPERTIES = [
  'id', 'blobId', 'threadId', 'mailboxIds', 'keywords', 'size', 'receivedAt', 'hasAttachment',
  'from', 'to', 'subject', 'preview',
];

export const EMAIL_PROPERTIES = [
  ...ROW_PROPERTIES, 'cc', 'bcc', 'replyTo', 'sentAt', 'messageId', 'inReplyTo', 'references',
  'textBody', 'htmlBody', 'attachments', 'bodyValues',
];

export interface QueryResponse {
  queryState: string;
  position: number;
  ids: Id[];
  total?: number;
}

export interface GetResponse<T> {
  state: string;
  list: T[];
  notFound?: Id[];
}

export interface SetError {
  type: string;
  description?: string;
}

export interface SetResponse {
  newState?: string;
  created?: Record<string, { id: Id; blobId?: Id }> | null;
  notCreated?: Record<string, SetError> | null;
  updated?: Record<Id, unknown> | null;
  notUpdated?: Record<Id, SetError> | null;
  destroyed?: Id[] | null;
  notDestroyed?: Record<Id, SetError> | null;
}

/** RFC 8620 §6.3. */
export interface BlobCopyResponse {
  copied: Record<Id, Id> | null;
}

export interface ChangesResponse {
  newState: string;
  hasMoreChanges: boolean;
  created: Id[];
  updated: Id[];
  destroyed: Id[];
}

/** RFC 8621 §6. */
export interface Identity {
  id: Id;
  name: string;
  email: string;
  replyTo?: Address[] | null;
  bcc?: Address[] | null;
  textSignature?: string;
  htmlSignature?: string;
}
