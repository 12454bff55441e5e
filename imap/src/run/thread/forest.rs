//! A tree of messages, made and told without recursion: its depth is the sender's choice.

use crate::run::PIECE_MAX;
use crate::wire::response::put;

/// Threads in the order in which they are told. A node is a message, or stands for one that is not there.
#[derive(Default)]
pub(in crate::run) struct Forest {
    /// Of each node its number as it is told; zero for one that is not there.
    pub(super) numbers: Vec<u32>,
    pub(super) children: Vec<Vec<u32>>,
    pub(super) roots: Vec<u32>,
    /// How many threads have been told.
    at: usize,
    /// The node that comes next, within a thread.
    next: Option<u32>,
    /// Nodes whose children are being told, and how many of them were.
    open: Vec<(u32, usize)>,
}

impl Forest {
    pub(super) fn new(numbers: Vec<u32>, children: Vec<Vec<u32>>, roots: Vec<u32>) -> Self {
        Self {
            numbers,
            children,
            roots,
            ..Self::default()
        }
    }

    pub(in crate::run) fn is_empty(&self) -> bool {
        self.roots.is_empty()
    }

    /// thread-list = "(" (thread-members / thread-nested) ")";
    /// thread-members = nz-number *(SP nz-number) [SP thread-nested]; thread-nested = 2*thread-list.
    /// Up to a piece of it; true at its end.
    pub(in crate::run) fn tell(&mut self, out: &mut Vec<u8>) -> bool {
        while out.len() < PIECE_MAX {
            if let Some(node) = self.next.take() {
                self.member(node, out);
            } else if let Some((node, told)) = self.open.last_mut() {
                let child = self.children[*node as usize].get(*told).copied();
                *told += 1;
                match child {
                    Some(child) => {
                        out.push(b'(');
                        self.next = Some(child);
                    }
                    None => {
                        out.push(b')');
                        self.open.pop();
                    }
                }
            } else if let Some(root) = self.roots.get(self.at) {
                out.push(b'(');
                self.next = Some(*root);
                self.at += 1;
            } else {
                return true;
            }
        }
        false
    }

    /// One member, and what comes behind it.
    fn member(&mut self, node: u32, out: &mut Vec<u8>) {
        let number = self.numbers[node as usize];
        if number != 0 {
            put(out, format_args!("{number}"));
        }
        let space = if number == 0 { "" } else { " " };
        match self.children[node as usize].as_slice() {
            [] => out.push(b')'),
            [child] => {
                out.extend_from_slice(space.as_bytes());
                self.next = Some(*child);
            }
            _ => {
                out.extend_from_slice(space.as_bytes());
                self.open.push((node, 0));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(numbers: &[u32], children: &[&[u32]], roots: &[u32], expected: &str) {
        let children = children.iter().map(|c| c.to_vec()).collect();
        let mut forest = Forest::new(numbers.to_vec(), children, roots.to_vec());
        let mut out = Vec::new();
        assert!(forest.tell(&mut out));
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn threads_are_told_as_rfc_5256_shows() {
        check(
            &[2, 3, 6, 4, 23, 44, 7, 96],
            &[&[], &[2], &[3, 5], &[4], &[], &[6], &[7], &[]],
            &[0, 1],
            "(2)(3 6 (4 23)(44 7 96))",
        );
        check(&[0, 3, 5], &[&[1, 2], &[], &[]], &[0], "((3)(5))");
        check(&[], &[], &[], "");
    }

    #[test]
    fn i13_a_deep_thread_is_told_in_pieces() {
        let count = 100_000u32;
        let numbers: Vec<u32> = (1..=count).collect();
        let children = (1..=count).map(|n| if n < count { vec![n] } else { vec![] });
        let mut forest = Forest::new(numbers, children.collect(), vec![0]);
        let (mut pieces, mut octets) = (0, 0);
        loop {
            let mut out = Vec::new();
            let ended = forest.tell(&mut out);
            pieces += 1;
            octets += out.len();
            assert!(out.len() < PIECE_MAX + 16);
            if ended {
                break;
            }
        }
        assert!(pieces > 5 && octets == 588_895 + 1, "{pieces} {octets}");
    }
}
