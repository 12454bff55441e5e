//! A job as a message of the sending machine: what it really needs of the peer, whatever was announced on its way
//! in, and what can be made of it for a peer that can less.

use crate::sender::{Features, Message};
use delivery::{Job, ReversePath, Signer};
use formats::message::seven::to_seven_bit;
use std::sync::Arc;

/// The job's message.
pub(crate) fn message(job: &Job) -> Message {
    let envelope = &job.envelope;
    Message {
        from: envelope.from.clone(),
        recipients: envelope.recipients.clone(),
        ret: envelope.ret.clone(),
        envid: envelope.envid.clone(),
        smtputf8: needs_utf8(job),
        eight_bit: !job.content.is_ascii(),
        binary: false,
        require_tls: false,
        priority: (job.priority != 0).then_some(job.priority),
        head: Arc::default(),
        content: job.content.clone(),
    }
}

/// The message for this peer. RFC 6152 §3: without 8BITMIME its bodies are encoded, where they can be; where not, the
/// machine refuses it. RFC 6376 §5.3: then it is signed, as it is going to arrive.
pub(crate) async fn fitted(
    message: &Message,
    features: &Features,
    signer: Option<&Signer>,
) -> Message {
    let mut message = message.clone();
    let encode = message.eight_bit && !features.eight_bit;
    if !encode && signer.is_none() {
        return message;
    }
    let (content, signer) = (message.content.clone(), signer.cloned());
    let work = tokio::task::spawn_blocking(move || {
        let seven: Option<Arc<[u8]>> = match encode {
            true => to_seven_bit(&content).map(Into::into),
            false => None,
        };
        let leaves = seven.as_deref().unwrap_or(&content);
        let head: Arc<[u8]> = signer.map_or_else(Arc::default, |s| s.sign(leaves).into());
        (seven, head)
    });
    if let Ok((seven, head)) = work.await {
        if let Some(seven) = seven {
            message.eight_bit = false;
            message.content = seven;
        }
        message.head = head;
    }
    message
}

/// RFC 6531 §3.4: SMTPUTF8 is asked for where an address needs it, or the header of mail that came with it; a letter
/// that only could have needed it goes to servers that do not know it.
fn needs_utf8(job: &Job) -> bool {
    let envelope = &job.envelope;
    let from = match &envelope.from {
        ReversePath::Null => true,
        ReversePath::Address(address) => address.is_ascii(),
    };
    let to = envelope.recipients.iter().all(|to| to.address.is_ascii());
    let header = || {
        let end = header_end(&job.content);
        job.content[..end].is_ascii()
    };
    !from || !to || (envelope.smtputf8 && !header())
}

fn header_end(content: &[u8]) -> usize {
    memchr::memmem::find(content, b"\r\n\r\n").unwrap_or(content.len())
}
