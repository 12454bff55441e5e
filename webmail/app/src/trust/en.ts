import type { TrustTexts } from './vi';

export const en: TrustTexts = {
  badge: {
    inside: 'Within this system',
    state: 'Verified .gov.vn',
    outside: 'Outside, verified',
    forged: 'Forged internal address',
    failed: 'Likely forged',
    unproved: 'Outside, not verified',
    weak: 'Likely genuine',
    unchecked: 'Origin not checked',
  },
  open: 'See why',
  title: 'Is this letter from whom it says?',
  why: {
    inside: (domain) => `Its sender signed in with an account of ${domain}.`,
    state: (domain) => `It was sent by ${domain}, a domain of the state.`,
    outside: (domain) => `It was sent by ${domain}. This domain is not one of the state.`,
    forged: (domain) => `It says it is from ${domain}, a domain of this very system, but it came from outside and cannot prove it.`,
    failed: (domain) => `${domain} does not own up to this letter: neither the server that sent it nor its signature is right.`,
    weak: (domain) => `Its signature or the server that sent it is of ${domain}, but this domain does not publish (DMARC) which mail is its own, so it is not quite certain.`,
    unchecked: (domain) => `This server did not check, or could not find out, whether ${domain} sent it. That is usual for mail copied from an old system or brought by a trusted server.`,
    unproved: (domain) => `Nothing proves that ${domain} sent it. It may be so, or not.`,
  },
  noDomain: 'its sender',
  advice: 'Open no file or link, pay nothing and do not answer. Call the sender on a number that you already know.',
  came: (host) => `The server that brought it: ${host}`,
  like: (domain, own) => `The domain ${domain} looks like ${own} but is another one.`,
  named: (said, real) => `The sender’s name says “${said}”; the real address is ${real}.`,
  answers: (to) => `An answer would go to ${to}, not to the sender’s domain.`,
  checks: 'What the server checked',
  unchecked: 'The server did not check where this letter comes from.',
};
