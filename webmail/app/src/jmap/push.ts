// RFC 8620 §7.3: the server says that something changed; what, we ask.
import { eventAddress } from './client';
import type { Id } from './objects';

const RETRY_FIRST_MS = 3_000;
const RETRY_LAST_MS = 60_000;
/** Where no event stream is to be had, ask now and then. */
const POLL_MS = 60_000;

/** RFC 8620 §7.1: the accounts that a StateChange names; null when it cannot be read. */
function accountsOf(data: unknown): Id[] | null {
  try {
    return Object.keys((JSON.parse(String(data)) as { changed: object }).changed);
  } catch {
    return null;
  }
}

/**
 * Calls `changed` with the accounts of every state change, and with null (any of them) after each
 * reconnection; `broken` when the stream ends. Gives a way to stop.
 */
export function listen(changed: (accounts: Id[] | null) => void, broken: () => void): () => void {
  let source: EventSource | null = null;
  let timer = 0;
  let wait = RETRY_FIRST_MS;
  let opened = false;

  const open = () => {
    source = new EventSource(eventAddress());
    source.addEventListener('open', () => {
      wait = RETRY_FIRST_MS;
      // What happened while the stream was down was not announced.
      if (opened) changed(null);
      opened = true;
    });
    source.addEventListener('state', (event) => changed(accountsOf((event as MessageEvent).data)));
    source.addEventListener('error', () => {
      // It tries again by itself; whether the server answers is asked meanwhile.
      broken();
      if (source?.readyState !== EventSource.CLOSED) return;
      timer = window.setTimeout(open, wait);
      wait = Math.min(wait * 2, RETRY_LAST_MS);
    });
  };

  open();
  const poll = window.setInterval(() => {
    if (source?.readyState !== EventSource.OPEN) changed(null);
  }, POLL_MS);
  return () => {
    source?.close();
    window.clearTimeout(timer);
    window.clearInterval(poll);
  };
}
