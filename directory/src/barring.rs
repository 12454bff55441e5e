//! Barring: what the policies of the agencies say of a sign-in whose secret is right.
//!
//! Tokens are not barred from the administration API: machines have them, an administrator gives them, and who sets a
//! wrong network must be able to mend it. At the doors of mail they are asked like everybody else. What stands already (a
//! browser's session, a connection) stands on.

use crate::book::Book;
use crate::error::Barred;
use crate::place::{Net, Week};
use crate::policy::Key;
use crate::signin::Peer;
use crate::{AgencyId, Through};

impl Book {
    /// Why somebody of this agency may not sign in so, from there, now.
    pub(crate) fn barred(
        &self,
        agency: &AgencyId,
        through: Through,
        peer: Peer,
        now_s: i64,
    ) -> Option<Barred> {
        let administers = matches!(through, Through::Token(_)) && peer.service == "api";
        if self.policies.is_empty() || administers {
            return None;
        }
        // A first password opens nothing: a password is chosen by it also where there is no webmail.
        // Which protocols an agency allows its accounts is nothing to who reads them by virtue of an office.
        let opens = !matches!(
            through,
            Through::FirstPassword(_) | Through::Impersonation(_)
        );
        let service = match peer.service {
            "imap" => Some(Key::Imap),
            "pop3" => Some(Key::Pop3),
            "submission" => Some(Key::Submission),
            "jmap" => Some(Key::Jmap),
            "login" => Some(Key::Webmail),
            _ => None,
        };
        if service.is_some_and(|key| opens && !self.ruled_on(agency, key)) {
            return Some(Barred::Service);
        }
        if matches!(through, Through::AppPassword(_)) && !self.ruled_on(agency, Key::AppPasswords) {
            return Some(Barred::AppPassword);
        }
        if matches!(through, Through::Token(_)) && !self.tokens_open_mail(agency) {
            return Some(Barred::MailToken);
        }
        if let Some(networks) = self.ruled_words(agency, Key::SignInNetworks) {
            let mut networks = networks.iter().filter_map(|net| Net::parse(net));
            if !networks.any(|net| net.has(peer.ip)) {
                return Some(Barred::Place);
            }
        }
        let hours = self.ruled_words(agency, Key::SignInHours);
        let shut = hours.is_some_and(|hours| !Week::of(&hours).has(now_s));
        shut.then_some(Barred::Hour)
    }
}
