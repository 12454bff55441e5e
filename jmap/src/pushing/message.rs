//! What is sent: RFC 8620 §7.1 StateChange and §7.2.2 PushVerification, with the headers of RFC 8030 §5.

use super::seal::{self, TEXT_MAX, seal};
use super::{Post, vapid};
use crate::ear::state_change;
use crate::limit;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use directory::{Access, Directory, Push};
use serde_json::{Map, Value, json};

/// Octets of a topic before it is spelled: RFC 8030 §5.4 allows 32 letters.
const TOPIC_OCTETS: usize = 24;

/// BLAKE3 wants a name for each use of a secret.
const TOPIC_KEY: &str = "congvu 2026-11-23 topics of push messages";

/// A message, and what makes it more or less urgent.
pub(super) struct Message {
    text: String,
    urgency: &'static str,
    topic: Option<String>,
}

/// The code that must come back.
pub(super) fn verification(id: &str, push: &Push) -> Message {
    let text = json!({
        "@type": "PushVerification",
        "pushSubscriptionId": id,
        "verificationCode": push.code,
    });
    Message {
        text: text.to_string(),
        // Somebody waits for it.
        urgency: "high",
        topic: None,
    }
}

/// As much of what changed as `room` octets hold, one's own account first; what is left stays in `pending`. `secret`: what
/// only the subscription's owner knows.
pub(super) fn change(
    pending: &mut Map<String, Value>,
    (own, secret): (&str, &str),
    room: usize,
) -> (Message, Map<String, Value>) {
    let room = room.min(TEXT_MAX);
    let mut names: Vec<String> = pending.keys().cloned().collect();
    names.sort_by_key(|name| name != own);
    let mut changed = Map::new();
    for name in names {
        let Some(states) = pending.get(&name).cloned() else {
            continue;
        };
        changed.insert(name.clone(), states);
        // One goes alone if need be.
        if changed.len() > 1 && state_change(&changed).to_string().len() > room {
            changed.remove(&name);
            break;
        }
        pending.remove(&name);
    }
    let types = |states: &Value| -> Vec<String> {
        let states = states.as_object().into_iter().flatten();
        states.map(|(name, _)| name.clone()).collect()
    };
    let all: Vec<(&String, Vec<String>)> = changed
        .iter()
        .map(|(account, states)| (account, types(states)))
        .collect();
    let arrival = all
        .iter()
        .any(|(_, types)| types.iter().any(|name| name == "EmailDelivery"));
    // RFC 8030 §5.4: it takes the place of an earlier one that was not fetched yet, which told of the very same.
    // §8.1: nobody who sees several subscriptions can tell from it that they are of one account, or what changed.
    let key = blake3::derive_key(TOPIC_KEY, secret.as_bytes());
    let hash = blake3::keyed_hash(&key, json!(all).to_string().as_bytes());
    let topic = URL_SAFE_NO_PAD.encode(&hash.as_bytes()[..TOPIC_OCTETS]);
    let message = Message {
        text: state_change(&changed).to_string(),
        urgency: if arrival { "high" } else { "normal" },
        topic: Some(topic),
    };
    (message, changed)
}

impl Message {
    /// As it goes to the subscription's address. Errors: it cannot be encrypted.
    pub(super) fn post(
        self,
        directory: &Directory,
        access: &Access,
        push: &Push,
    ) -> Result<Post, seal::Unsealed> {
        let mut headers = vec![
            // RFC 8620 §7.2
            ("content-type", "application/json".to_owned()),
            ("ttl", limit::PUSH_TTL_S.to_string()),
            ("urgency", self.urgency.to_owned()),
        ];
        headers.extend(self.topic.map(|topic| ("topic", topic)));
        // RFC 8292 §2.1: whom the service may ask what this is about.
        let contact = format!("mailto:postmaster@{}", access.address().domain);
        let now = directory.clock().now_s();
        let key = directory.vapid();
        let token = key.and_then(|key| vapid::authorization(key, &push.url, &contact, now));
        // RFC 9749 §4
        headers.push(("authorization", token.ok_or(seal::Unsealed)?));
        let body = match &push.keys {
            None => self.text.into_bytes(),
            Some(keys) => {
                headers.push(("content-encoding", "aes128gcm".to_owned()));
                seal(keys, self.text.as_bytes())?
            }
        };
        Ok(Post {
            url: push.url.clone(),
            headers,
            body,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pending(accounts: usize) -> Map<String, Value> {
        let states = json!({"Email": "12", "Mailbox": "12", "Thread": "12"});
        (1..=accounts)
            .map(|n| (format!("a{n}"), states.clone()))
            .collect()
    }

    #[test]
    fn i13_what_does_not_fit_goes_with_the_next_one_and_ones_own_goes_first() {
        let mut left = pending(200);
        let (message, sent) = change(&mut left, ("a77", "s"), TEXT_MAX);
        assert!(message.text.len() <= TEXT_MAX, "{}", message.text.len());
        assert!(sent.contains_key("a77") && !sent.is_empty());
        assert_eq!(sent.len() + left.len(), 200);
        let mut told = sent.len();
        while !left.is_empty() {
            told += change(&mut left, ("a77", "s"), TEXT_MAX).1.len();
        }
        assert_eq!(told, 200);
        let mut left = pending(3);
        assert_eq!(
            change(&mut left, ("a1", "s"), 1).1.len(),
            1,
            "one goes alone"
        );
    }

    #[test]
    fn only_what_tells_of_the_same_is_replaced() {
        let by = |secret: &str, states: Value| {
            let mut pending = Map::from_iter([("a1".to_owned(), states)]);
            let (message, _) = change(&mut pending, ("a1", secret), TEXT_MAX);
            (message.topic.unwrap(), message.urgency)
        };
        let topic = |states: Value| by("mã", states);
        let (mail, urgent) = topic(json!({"Email": "1", "EmailDelivery": "1"}));
        assert_eq!((mail.len(), urgent), (32, "high"));
        assert_eq!(topic(json!({"Email": "2", "EmailDelivery": "2"})).0, mail);
        let (other, urgent) = topic(json!({"Email": "2"}));
        assert_eq!(urgent, "normal");
        assert_ne!(other, mail);
        assert_ne!(
            by("mã khác", json!({"Email": "2"})).0,
            other,
            "another subscription"
        );
    }
}
