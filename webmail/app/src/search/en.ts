import type { SearchTexts } from './vi';

export const en: SearchTexts = {
  recent: 'Lately looked for',
  people: 'Senders',
  operators: 'Narrow it down',
  fromWhom: (name) => `Mail from ${name}`,
  note: 'With or without marks. Several conditions stand side by side.',
  list: [
    ['from:', 'sender', 'from:Nguyen Van An'],
    ['to:', 'recipient', 'to:vanthu'],
    ['subject:', 'in the subject', 'subject:invitation'],
    ['body:', 'in the text and in files', 'body:third quarter'],
    ['has:file', 'has attachments', ''],
    ['is:unread', 'unread', ''],
    ['is:flagged', 'flagged', ''],
    ['is:unanswered', 'not answered', ''],
    ['is:unhandled', 'not handled', ''],
    ['after:', 'on this day or later', 'after:01/11 or after:7d'],
    ['before:', 'before this day', 'before:2026-01-01'],
    ['on:', 'on this day', 'on:yesterday'],
    ['in:', 'in a folder', 'in:archive'],
    ['label:', 'has a label', 'label:todo'],
    ['larger:', 'larger than', 'larger:5MB'],
    ['-', 'without this word', '-draft'],
  ],
};
