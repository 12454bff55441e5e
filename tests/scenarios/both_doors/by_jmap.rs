//! The side that speaks JMAP.

use super::model::{Dice, Letter, Shown, Side, text};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use tests::http_client::HttpClient;
use tests::world::World;

pub struct ByJmap {
    http: HttpClient,
    account: String,
    dice: Dice,
    state: Option<String>,
    /// What Email/changes told of, with mailboxes by their ids.
    known: Shown,
    pub side: Side,
}

impl ByJmap {
    pub fn new(world: &World, dice: Dice) -> Self {
        let http = world.http("an");
        Self {
            account: http.account(),
            http,
            dice,
            state: None,
            known: Shown::new(),
            side: Side::new('j'),
        }
    }

    fn call(&self, name: &str, arguments: Value) -> Value {
        let (answered, arguments) = self.try_call(name, arguments);
        assert_eq!(answered, name, "{arguments}");
        arguments
    }

    fn try_call(&self, name: &str, mut arguments: Value) -> (String, Value) {
        arguments["accountId"] = json!(self.account);
        let request = json!({
            "using": ["urn:ietf:params:jmap:core", "urn:ietf:params:jmap:mail"],
            "methodCalls": [[name, arguments, "c"]],
        });
        let (status, answer) = self.http.post_json("/jmap/api", &request);
        assert_eq!(status, 200, "{name}: {answer}");
        let first = &answer["methodResponses"][0];
        (first[0].as_str().unwrap().to_owned(), first[1].clone())
    }

    /// Names of mailboxes by their ids.
    fn names(&self) -> BTreeMap<String, String> {
        let got = self.call("Mailbox/get", json!({"properties": ["name"]}));
        let all = got["list"].as_array().unwrap().iter();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        all.map(|one| (text(&one["id"]), text(&one["name"])))
            .collect()
    }

    fn id_of(&self, name: &str) -> String {
        let names = self.names();
        let found = names.iter().find(|(_, known)| *known == name);
        found.unwrap_or_else(|| panic!("no {name}")).0.clone()
    }

    fn update(&self, id: &str, patch: Value) -> Value {
        self.call("Email/set", json!({"update": {id: patch}}))
    }

    pub fn act(&mut self) {
        match self.dice.below(10) {
            0 | 1 => self.put(),
            2 | 3 => self.flag(),
            4 | 5 => self.take(),
            6 => self.destroy(),
            7 => self.mailbox(),
            8 => self.flag_common(),
            _ => self.take_common(),
        }
    }

    /// One or two mailboxes, by name and by id.
    fn places(&mut self) -> (BTreeSet<String>, Value) {
        let names: BTreeSet<String> = (0..=self.dice.below(2))
            .map(|_| self.side.some_box(&mut self.dice))
            .collect();
        let ids: Map<String, Value> = names
            .iter()
            .map(|name| (self.id_of(name), json!(true)))
            .collect();
        (names, ids.into())
    }

    fn put(&mut self) {
        let (names, ids) = self.places();
        let (mark, subject) = (self.side.some_mark(&mut self.dice), self.side.new_name());
        let (keywords, raw) = (json!({"$seen": true, &mark: true}), text(&subject));
        let made = match self.dice.below(2) {
            0 => {
                let path = format!("/jmap/upload/{}/", self.account);
                let (_, _, blob) = self.http.post(&path, "message/rfc822", raw.as_bytes());
                let blob: Value = serde_json::from_slice(&blob).unwrap();
                let email =
                    json!({"blobId": blob["blobId"], "mailboxIds": ids, "keywords": keywords});
                self.call("Email/import", json!({"emails": {"k": email}}))
            }
            _ => {
                let email = json!({
                    "mailboxIds": ids, "keywords": keywords, "subject": subject,
                    "textBody": [{"partId": "1"}], "bodyValues": {"1": {"value": subject}},
                });
                self.call("Email/set", json!({"create": {"k": email}}))
            }
        };
        let id = made["created"]["k"]["id"].as_str();
        let id = id.unwrap_or_else(|| panic!("{made}")).to_owned();
        let letter = Letter {
            mailboxes: names,
            keywords: ["$seen".to_owned(), mark].into(),
        };
        self.side.own.insert(id, letter);
    }

    fn done(&self, answer: &Value, id: &str) {
        let updated = answer["updated"].as_object();
        assert!(updated.is_some_and(|all| all.contains_key(id)), "{answer}");
    }

    fn flag(&mut self) {
        let Some(id) = self.side.some_own(&mut self.dice) else {
            return;
        };
        let mut letter = self.side.own[&id].clone();
        let patch = if self.dice.below(3) == 0 {
            letter.keywords = ["$answered".to_owned(), "j8".to_owned()].into();
            json!({"keywords": {"$answered": true, "j8": true}})
        } else {
            let keyword = (*self.dice.pick(&["$seen", "$flagged", "j7"])).to_owned();
            let on = letter.keywords.insert(keyword.clone()) || !letter.keywords.remove(&keyword);
            let path = format!("keywords/{keyword}");
            json!({ path: if on { json!(true) } else { Value::Null } })
        };
        let answer = self.update(&id, patch);
        self.done(&answer, &id);
        self.side.own.insert(id, letter);
    }

    fn take(&mut self) {
        let Some(id) = self.side.some_own(&mut self.dice) else {
            return;
        };
        let (names, ids) = self.places();
        let answer = self.update(&id, json!({"mailboxIds": ids}));
        self.done(&answer, &id);
        self.side.own.get_mut(&id).unwrap().mailboxes = names;
    }

    fn destroy(&mut self) {
        // Seldom one that both have.
        let common = self.dice.below(6) == 0;
        let id = match common {
            true => Some(self.dice.pick(&self.side.common).clone()),
            false => self.side.some_own(&mut self.dice),
        };
        let Some(id) = id else {
            return;
        };
        let answer = self.call("Email/set", json!({"destroy": [id]}));
        let destroyed = answer["destroyed"] == json!([id]);
        if common {
            assert!(destroyed || self.side.destroyed.contains(&id), "{answer}");
            self.side.destroyed.insert(id);
        } else {
            assert!(destroyed, "{answer}");
            self.side.own.remove(&id);
        }
    }

    /// Makes, renames or destroys a mailbox of its own, its letters with it.
    fn mailbox(&mut self) {
        let at = self.dice.below(self.side.boxes.len() + 1);
        let Some(name) = self.side.boxes.get(at).cloned() else {
            let name = self.side.new_name();
            let set = self.call("Mailbox/set", json!({"create": {"k": {"name": name}}}));
            assert!(set["created"]["k"]["id"].is_string(), "{set}");
            self.side.boxes.push(name);
            return;
        };
        let id = self.id_of(&name);
        if self.dice.below(2) == 0 {
            let to = self.side.new_name();
            let set = self.call("Mailbox/set", json!({"update": {&id: {"name": to}}}));
            self.done(&set, &id);
            for letter in self.side.own.values_mut() {
                if letter.mailboxes.remove(&name) {
                    letter.mailboxes.insert(to.clone());
                }
            }
            self.side.boxes[at] = to;
        } else {
            let set = json!({"destroy": [id], "onDestroyRemoveEmails": true});
            let set = self.call("Mailbox/set", set);
            assert_eq!(set["destroyed"], json!([id]), "{set}");
            for letter in self.side.own.values_mut() {
                letter.mailboxes.remove(&name);
            }
            self.side
                .own
                .retain(|_, letter| !letter.mailboxes.is_empty());
            self.side.boxes.remove(at);
        }
    }

    fn some_common(&mut self) -> Option<String> {
        let id = self.dice.pick(&self.side.common).clone();
        (!self.side.destroyed.contains(&id)).then_some(id)
    }

    fn flag_common(&mut self) {
        let Some(id) = self.some_common() else {
            return;
        };
        let (mark, on) = (self.side.some_mark(&mut self.dice), self.dice.below(2) == 0);
        let path = format!("keywords/{mark}");
        let answer = self.update(
            &id,
            json!({ path: if on { json!(true) } else { Value::Null } }),
        );
        self.done(&answer, &id);
        self.side.mark(&id, &mark, on);
    }

    fn take_common(&mut self) {
        let Some(id) = self.some_common() else {
            return;
        };
        let to = (*self.dice.pick(&["A", "B", "C"])).to_owned();
        let ids = json!({ self.id_of(&to): true });
        let answer = self.update(&id, json!({"mailboxIds": ids}));
        self.done(&answer, &id);
        self.side.moved(&id, &to);
    }

    /// These letters with mailboxes by their ids, and the state.
    fn letters(&self, ids: &Value) -> (Shown, String) {
        let wished = json!({"ids": ids, "properties": ["mailboxIds", "keywords"]});
        let got = self.call("Email/get", wished);
        let keys =
            |value: &Value| -> Vec<String> { value.as_object().unwrap().keys().cloned().collect() };
        let list = got["list"].as_array().unwrap().iter().map(|one| {
            let letter = Letter {
                mailboxes: keys(&one["mailboxIds"]).into_iter().collect(),
                keywords: keys(&one["keywords"]).into_iter().collect(),
            };
            (one["id"].as_str().unwrap().to_owned(), letter)
        });
        (list.collect(), got["state"].as_str().unwrap().to_owned())
    }

    /// The same letters with mailboxes by their names.
    fn named(&self, letters: &Shown) -> Shown {
        let names = self.names();
        let name = |id: &String| {
            let found = names.get(id);
            found
                .unwrap_or_else(|| panic!("a letter in {id}, which is no more"))
                .clone()
        };
        let named = letters.iter().map(|(id, letter)| {
            let mailboxes = letter.mailboxes.iter().map(name).collect();
            let letter = Letter {
                mailboxes,
                ..letter.clone()
            };
            (id.clone(), letter)
        });
        named.collect()
    }

    /// Every letter that there is.
    pub fn view(&self) -> Shown {
        let found = self.call("Email/query", json!({}));
        self.named(&self.letters(&found["ids"]).0)
    }

    /// RFC 8620 §5.2: brings what is known up to now, by what Email/changes names and by nothing else; and whether Email/get
    /// has the same.
    pub fn follow(&mut self) -> Shown {
        let Some(mut since) = self.state.clone() else {
            let found = self.call("Email/query", json!({}));
            let (all, state) = self.letters(&found["ids"]);
            (self.known, self.state) = (all, Some(state));
            return self.named(&self.known);
        };
        loop {
            let changes = json!({"sinceState": since, "maxChanges": 7});
            let (answered, mut told) = self.try_call("Email/changes", changes);
            if answered == "error" {
                // RFC 8620 §5.2: one commit, as of a mailbox that went with its letters, is never told in parts.
                assert_eq!(told["type"], "cannotCalculateChanges", "{told}");
                told = self.call("Email/changes", json!({"sinceState": since}));
            }
            for id in told["destroyed"].as_array().unwrap() {
                self.known.remove(id.as_str().unwrap());
            }
            for kind in ["created", "updated"] {
                let read = self.letters(&told[kind]).0;
                self.known.extend(read);
            }
            since = told["newState"].as_str().unwrap().to_owned();
            if told["hasMoreChanges"] == false {
                break;
            }
        }
        self.state = Some(since);
        let ids = self.known.keys().collect::<Vec<_>>();
        let read = self.letters(&json!(ids)).0;
        assert_eq!(self.known, read, "letters that changed untold");
        // A renamed mailbox changes no letter: names are looked up when they are shown.
        self.named(&self.known)
    }

    /// Letters of each mailbox that a side may have made, and those not seen.
    pub fn counts(&self) -> BTreeMap<String, (u64, u64)> {
        let got = self.call("Mailbox/get", json!({}));
        let all = got["list"].as_array().unwrap().iter();
        let made = all.filter(|one| one["role"].is_null());
        let number = |value: &Value| value.as_u64().unwrap();
        made.map(|one| {
            let name = one["name"].as_str().unwrap().to_owned();
            let counts = (number(&one["totalEmails"]), number(&one["unreadEmails"]));
            (name, counts)
        })
        .collect()
    }
}
