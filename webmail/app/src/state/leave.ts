// Signing out: what waits to be sent goes first, and nothing stays behind.
import { ask } from '../ui/Dialog';
import { t } from '../ui/i18n';
import { flush, stuck } from './outbox';
import { reach } from '../jmap/client';

// A page that the browser kept for its Back button would show the mail of who signed out meanwhile.
window.addEventListener('pageshow', (event) => { if (event.persisted) location.reload(); });

export async function leave(): Promise<void> {
  await flush();
  if (stuck() > 0 && !(await ask({ title: t().leaveTitle(stuck()), text: t().leaveText, yes: t().signOut, danger: true }))) return;
  reach.signedOut = true;
  sessionStorage.clear();
  try {
    await fetch('/logout', { method: 'POST', credentials: 'same-origin', headers: { 'x-congvu': '1' } });
  } finally {
    location.assign('/login');
  }
}
