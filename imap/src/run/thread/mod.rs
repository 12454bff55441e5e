//! RFC 5256 §3 THREAD: ORDEREDSUBJECT and REFERENCES; REFS of draft-ietf-morg-inthread §4, which is
//! REFERENCES without subjects, its threads ordered by their latest arrival.
//!
//! Identifiers and subjects are compared by keyed hashes of 128 bits, so that a message costs the same
//! whatever its header holds, and nobody can make two of them equal.

mod forest;

pub(in crate::run) use forest::Forest;

use super::Stop;
use super::columns::Hashing;
use super::search::Hit;
use crate::ask::Completion;
use crate::wire::sort::Algorithm;
use formats::message::{Letterhead, subject};
use formats::text;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{BuildHasherDefault, Hasher};

/// Messages of one THREAD, those that are only referred to included.
const NODES_MAX: usize = 1_000_000;
/// Steps up a thread in search of a loop; a link that needs more is not made.
const ANCESTORS_MAX: usize = 1_000;

const NONE: u32 = u32::MAX;

/// A keyed hash of 128 bits.
type Hash = u128;

/// Of what is a keyed hash already, half of it is a good one.
#[derive(Default)]
struct Half(u64);

impl Hasher for Half {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, octets: &[u8]) {
        for octet in octets {
            self.0 = self.0.rotate_left(8) ^ u64::from(*octet);
        }
    }

    fn write_u128(&mut self, hash: u128) {
        self.0 = hash as u64;
    }
}

type ByHash<K> = HashMap<K, u32, BuildHasherDefault<Half>>;

/// Octets of a hash in an entry.
const HASH: usize = 16;

/// What threads need of a header: whether it is a reply, then hashes: of its base subject (zero when that is
/// empty), of its identifier (zero when it has none), and of those that it refers to, the oldest first.
pub(super) fn entry(hashing: &Hashing, head: Option<&Letterhead>) -> Vec<u8> {
    let none = Letterhead::default();
    let head = head.unwrap_or(&none);
    let reduced = subject::reduce(head.subject.as_deref().unwrap_or_default());
    let ordered = text::order(&reduced.text);
    let mut out = Vec::with_capacity(1 + HASH * (2 + head.references.len()));
    out.push(u8::from(reduced.is_reply));
    match ordered.is_empty() {
        true => out.extend_from_slice(&[0; HASH]),
        false => out.extend_from_slice(&hashing.hash(&ordered)),
    }
    match head.message_id.as_deref().and_then(first_id) {
        Some(id) => out.extend_from_slice(&hashing.hash(&plain(&id))),
        None => out.extend_from_slice(&[0; HASH]),
    }
    // Without References the first identifier in In-Reply-To counts.
    let answered = match head.references.is_empty() {
        true => head.in_reply_to.as_deref().and_then(first_id),
        false => None,
    };
    for id in head.references.iter().chain(&answered) {
        out.extend_from_slice(&hashing.hash(&plain(id)));
    }
    out
}

/// The hashes of an entry, zero for what is not there.
fn hashes(entry: &[u8]) -> impl Iterator<Item = Hash> {
    let octets = entry.get(1..).unwrap_or_default();
    octets
        .chunks_exact(HASH)
        .map(|hash| hash.try_into().map_or(0, Hash::from_le_bytes))
}

/// What is kept of a message.
struct Letter {
    number: u32,
    sent_at: i64,
    received_at: i64,
    /// Of the base subject; `None` when that is empty.
    subject: Option<Hash>,
    is_reply: bool,
}

/// A message, or one that is only referred to.
struct Node {
    letter: u32,
    parent: u32,
    /// Whether it ever was a parent: one that was not cannot close a loop.
    was_parent: bool,
}

/// A THREAD that gathers its messages, in the order of the mailbox.
pub(super) struct Threading {
    algorithm: Algorithm,
    letters: Vec<Letter>,
    nodes: Vec<Node>,
    by_id: ByHash<Hash>,
}

impl Threading {
    pub(super) fn new(algorithm: Algorithm) -> Self {
        Self {
            algorithm,
            letters: Vec::new(),
            nodes: Vec::new(),
            by_id: ByHash::default(),
        }
    }

    /// Takes a message with its [`entry`], to be told as `number`. Errors: NO LIMIT.
    pub(super) fn add(&mut self, number: u32, hit: &Hit, entry: &[u8]) -> Result<(), Stop> {
        let letter = self.letters.len() as u32;
        let mut hashes = hashes(entry);
        let subject = hashes.next().filter(|hash| *hash != 0);
        let own = hashes.next().filter(|hash| *hash != 0);
        self.letters.push(Letter {
            number,
            sent_at: hit.sent_at,
            received_at: hit.received_at,
            subject,
            is_reply: entry.first() == Some(&1),
        });
        if self.algorithm != Algorithm::OrderedSubject {
            self.link(letter, own, hashes);
        }
        if self.letters.len().max(self.nodes.len()) > NODES_MAX {
            return Err(Completion::no("LIMIT", "Too many messages to thread").into());
        }
        Ok(())
    }

    /// RFC 5256 §3 REFERENCES step (1).
    fn link(&mut self, letter: u32, own: Option<Hash>, references: impl Iterator<Item = Hash>) {
        let own = self.own_node(letter, own);
        let mut last = NONE;
        for hash in references {
            let next_node = self.nodes.len() as u32;
            let node = *self.by_id.entry(hash).or_insert(next_node);
            if node == next_node {
                self.nodes.push(Node::empty());
            }
            // (A): a link that stands is not changed, a loop not made.
            if last != NONE && self.nodes[node as usize].parent == NONE {
                self.adopt(last, node);
            }
            last = node;
        }
        // (B)
        self.nodes[own as usize].parent = NONE;
        if last != NONE {
            self.adopt(last, own);
        }
    }

    /// The node of a message: by its identifier, unless an earlier message has that too.
    fn own_node(&mut self, letter: u32, own: Option<Hash>) -> u32 {
        let next_node = self.nodes.len() as u32;
        let node = match own.map(|hash| self.by_id.entry(hash)) {
            Some(Entry::Vacant(place)) => *place.insert(next_node),
            Some(Entry::Occupied(place)) if self.nodes[*place.get() as usize].letter == NONE => {
                *place.get()
            }
            _ => next_node,
        };
        if node == next_node {
            self.nodes.push(Node::empty());
        }
        self.nodes[node as usize].letter = letter;
        node
    }

    /// Makes a link unless it would close a loop.
    fn adopt(&mut self, parent: u32, child: u32) {
        if parent == child {
            return;
        }
        if self.nodes[child as usize].was_parent {
            let mut above = parent;
            for step in 0..=ANCESTORS_MAX {
                above = self.nodes[above as usize].parent;
                if above == NONE {
                    break;
                }
                if above == child || step == ANCESTORS_MAX {
                    return;
                }
            }
        }
        self.nodes[child as usize].parent = parent;
        self.nodes[parent as usize].was_parent = true;
    }

    /// The threads, in order.
    pub(super) fn finish(self) -> Forest {
        match self.algorithm {
            Algorithm::OrderedSubject => self.by_subject(),
            Algorithm::References | Algorithm::Refs => self.by_references(),
        }
    }

    /// RFC 5256 §3 ORDEREDSUBJECT.
    fn by_subject(self) -> Forest {
        let letters = self.letters;
        let mut groups: HashMap<Option<Hash>, Vec<u32>> = HashMap::new();
        for (at, letter) in letters.iter().enumerate() {
            groups.entry(letter.subject).or_default().push(at as u32);
        }
        let mut children: Vec<Vec<u32>> = letters.iter().map(|_| Vec::new()).collect();
        let mut roots = Vec::with_capacity(groups.len());
        let sent = |at: &u32| (letters[*at as usize].sent_at, *at);
        for mut group in groups.into_values() {
            group.sort_unstable_by_key(sent);
            let rest = group.split_off(1);
            roots.push(group[0]);
            children[group[0] as usize] = rest;
        }
        roots.sort_unstable_by_key(sent);
        let numbers = letters.iter().map(|letter| letter.number).collect();
        Forest::new(numbers, children, roots)
    }

    fn by_references(self) -> Forest {
        let Self {
            algorithm,
            letters,
            nodes,
            ..
        } = self;
        let (children, roots) = pruned(&nodes);
        let mut trees = Trees {
            letters,
            of: nodes.into_iter().map(|node| node.letter).collect(),
            children,
            roots,
        };
        trees.sort();
        match algorithm {
            Algorithm::Refs => trees.sort_by_arrival(),
            _ => {
                trees.merge();
                trees.sort();
            }
        }
        let number = |letter: &u32| trees.letters.get(*letter as usize).map_or(0, |l| l.number);
        let numbers = trees.of.iter().map(number).collect();
        Forest::new(numbers, trees.children, trees.roots)
    }
}

impl Node {
    fn empty() -> Self {
        Self {
            letter: NONE,
            parent: NONE,
            was_parent: false,
        }
    }
}

/// Steps (2) and (3): the children of each node and those without parents, without the messages that
/// are not there. At the top one with several children stays, to hold them together.
fn pruned(nodes: &[Node]) -> (Vec<Vec<u32>>, Vec<u32>) {
    let mut below: Vec<Vec<u32>> = nodes.iter().map(|_| Vec::new()).collect();
    let mut queue: Vec<u32> = Vec::with_capacity(nodes.len());
    for (at, node) in nodes.iter().enumerate() {
        match node.parent {
            NONE => queue.push(at as u32),
            parent => below[parent as usize].push(at as u32),
        }
    }
    let top = queue.len();
    // Parents come before children, so that the nearest one that stays is known.
    let mut above: Vec<u32> = vec![NONE; nodes.len()];
    let mut children: Vec<Vec<u32>> = nodes.iter().map(|_| Vec::new()).collect();
    let mut at = 0;
    while let Some(&node) = queue.get(at) {
        let stays = nodes[node as usize].letter != NONE || at < top;
        let over = above[node as usize];
        if nodes[node as usize].letter != NONE && over != NONE {
            children[over as usize].push(node);
        }
        for child in std::mem::take(&mut below[node as usize]) {
            above[child as usize] = if stays { node } else { over };
            queue.push(child);
        }
        at += 1;
    }
    queue.truncate(top);
    let mut roots = Vec::with_capacity(top);
    for node in queue {
        let own = &mut children[node as usize];
        match (nodes[node as usize].letter, own.len()) {
            (NONE, 0) => {}
            (NONE, 1) => roots.append(own),
            _ => roots.push(node),
        }
    }
    (children, roots)
}

/// Pruned threads.
struct Trees {
    letters: Vec<Letter>,
    /// Of each node its letter.
    of: Vec<u32>,
    children: Vec<Vec<u32>>,
    roots: Vec<u32>,
}

/// How a thread compares, RFC 5256 §2.2: the sent date, then the place in the mailbox.
fn sent(letters: &[Letter], of: &[u32], node: u32) -> (i64, u32) {
    let letter = of[node as usize];
    let at = letters.get(letter as usize).map_or(i64::MIN, |l| l.sent_at);
    (at, letter)
}

impl Trees {
    fn letter(&self, node: u32) -> Option<&Letter> {
        self.letters.get(self.of[node as usize] as usize)
    }

    fn is_there(&self, node: u32) -> bool {
        self.of[node as usize] != NONE
    }

    /// The message, or the first child of one that is not there.
    fn face(&self, node: u32) -> u32 {
        match self.is_there(node) {
            true => node,
            false => self.children[node as usize]
                .first()
                .copied()
                .unwrap_or(node),
        }
    }

    /// Steps (4) and (6): siblings, and threads, by sent date.
    fn sort(&mut self) {
        for siblings in &mut self.children {
            siblings.sort_unstable_by_key(|node| sent(&self.letters, &self.of, *node));
        }
        let mut roots = std::mem::take(&mut self.roots);
        roots.sort_by_cached_key(|root| sent(&self.letters, &self.of, self.face(*root)));
        self.roots = roots;
    }

    /// REFS: by the latest arrival in each thread.
    fn sort_by_arrival(&mut self) {
        let mut keyed: Vec<((i64, u32), u32)> = Vec::with_capacity(self.roots.len());
        let mut inside = Vec::new();
        for &root in &self.roots {
            let mut latest = (i64::MIN, 0);
            inside.push(root);
            while let Some(node) = inside.pop() {
                if let Some(letter) = self.letter(node) {
                    latest = latest.max((letter.received_at, self.of[node as usize]));
                }
                inside.extend_from_slice(&self.children[node as usize]);
            }
            keyed.push((latest, root));
        }
        keyed.sort_unstable();
        self.roots = keyed.into_iter().map(|(_, root)| root).collect();
    }

    /// Step (5) (i) and (ii): the subject of a thread and whether its message is a reply.
    fn thread_subject(&self, root: u32) -> Option<(Hash, bool)> {
        let letter = self.letter(self.face(root))?;
        Some((letter.subject?, letter.is_reply))
    }

    /// Step (5): threads of one base subject become one.
    fn merge(&mut self) {
        let mut table: ByHash<Hash> = ByHash::default();
        for &root in &self.roots {
            let Some((subject, is_reply)) = self.thread_subject(root) else {
                continue;
            };
            let Some(&kept) = table.get(&subject) else {
                table.insert(subject, root);
                continue;
            };
            let kept_reply = self.letter(kept).is_some_and(|letter| letter.is_reply);
            if self.is_there(kept) && (!self.is_there(root) || (kept_reply && !is_reply)) {
                table.insert(subject, root);
            }
        }
        let roots = std::mem::take(&mut self.roots);
        let mut left = Vec::with_capacity(roots.len());
        let mut gone = vec![false; self.of.len()];
        for root in roots {
            if gone[root as usize] {
                continue;
            }
            let found = self.thread_subject(root);
            let merged = found.and_then(|(subject, is_reply)| {
                let kept = *table.get(&subject)?;
                (kept != root).then_some((subject, is_reply, kept))
            });
            let Some((subject, is_reply, kept)) = merged else {
                left.push(root);
                continue;
            };
            let kept_reply = self.letter(kept).is_some_and(|letter| letter.is_reply);
            match (self.is_there(root), self.is_there(kept)) {
                (false, false) => {
                    let own = std::mem::take(&mut self.children[root as usize]);
                    self.children[kept as usize].extend(own);
                }
                (true, false) => self.children[kept as usize].push(root),
                (true, true) if is_reply && !kept_reply => {
                    self.children[kept as usize].push(root);
                }
                _ => {
                    let both = self.of.len() as u32;
                    self.of.push(NONE);
                    self.children.push(vec![kept, root]);
                    gone[kept as usize] = true;
                    left.push(both);
                    table.insert(subject, both);
                }
            }
        }
        left.retain(|root| !gone.get(*root as usize).copied().unwrap_or(false));
        self.roots = left;
    }
}

/// The first identifier within angle brackets, without them.
fn first_id(value: &str) -> Option<String> {
    let mut rest = value;
    while let Some(open) = rest.find('<') {
        let inner = &rest[open + 1..];
        let close = inner.find('>')?;
        let id = inner[..close].rsplit('<').next().unwrap_or_default();
        let id: String = id.chars().filter(|c| !c.is_whitespace()).collect();
        if !id.is_empty() {
            return Some(id);
        }
        rest = &inner[close + 1..];
    }
    None
}

/// RFC 5256 §3: an identifier without the quotes and escapes that it does not need.
fn plain(id: &str) -> std::borrow::Cow<'_, str> {
    if !id.contains(['"', '\\']) {
        return id.into();
    }
    let mut out = String::with_capacity(id.len());
    let mut escaped = false;
    for c in id.chars() {
        match c {
            '\\' if !escaped => escaped = true,
            '"' if !escaped => {}
            c => {
                out.push(c);
                escaped = false;
            }
        }
    }
    out.into()
}
