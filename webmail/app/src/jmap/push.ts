// RFC 8620 §7.3: the server says that something changed; what, we ask.
import { eventAddress } from './client';

const RETRY_FIRST_MS = 3_000;
const RETRY_LAST_MS = 60_000;
/** Where no event stream is to be had, ask now and then. */
const POLL_MS = 60_000;

/** Calls `changed` on every state change and after each reconnection. Gives a way to stop. */
export function listen(changed: () => void): () => void {
  let source: EventSource | null = null;
  let timer = 0;
  let wait = RETRY_FIRST_MS;
  let opened = false;

  const open = () => {
    source = new EventSource(eventAddress());
    source.addEventListener('open', () => {
      wait = RETRY_FIRST_MS;
      // What happened while the stream was down was not announced.
      if (opened) changed();
      opened = true;
    });
    source.addEventListener('state', changed);
    source.addEventListener('error', () => {
      if (source?.readyState !== EventSource.CLOSED) return;
      timer = window.setTimeout(open, wait);
      wait = Math.min(wait * 2, RETRY_LAST_MS);
    });
  };

  open();
  const poll = window.setInterval(() => {
    if (source?.readyState !== EventSource.OPEN && navigator.onLine) changed();
  }, POLL_MS);
  return () => {
    source?.close();
    window.clearTimeout(timer);
    window.clearInterval(poll);
  };
}
