// Signing out: what waits to be sent goes first, and nothing stays behind.
import { flush } from './outbox';

// A page that the browser kept for its Back button would show the mail of who signed out meanwhile.
window.addEventListener('pageshow', (event) => { if (event.persisted) location.reload(); });

export async function leave(): Promise<void> {
  await flush();
  sessionStorage.clear();
  try {
    await fetch('/logout', { method: 'POST', credentials: 'same-origin', headers: { 'x-congvu': '1' } });
  } finally {
    location.assign('/login');
  }
}
