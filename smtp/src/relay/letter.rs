//! A job as a message of the sending machine: what it really needs of the peer, whatever was announced on its way
//! in, and what can be made of it for a peer that can less.

use crate::sender::{Features, Message};
use delivery::{Job, ReversePath, Signer, TlsWish};
use formats::message::binary::is_binary;
use formats::message::header::fields;
use formats::message::seven::{has_long_lines, to_lines, to_seven_bit, to_short_lines};
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
        binary: is_binary(&job.content),
        require_tls: envelope.tls == TlsWish::Required,
        priority: (job.priority != 0).then_some(job.priority),
        head: Arc::default(),
        content: job.content.clone(),
    }
}

/// The message for this peer. RFC 6152 §3: without 8BITMIME its bodies are encoded, where they can be; RFC 3030 §3: so are
/// binary ones without BINARYMIME and CHUNKING. Where they cannot, the machine refuses it. RFC 6376 §5.3: then it is
/// signed, as it is going to arrive; what is binary is encoded for that, too, since DKIM sees lines.
///
/// RFC 5321 §4.5.3.1.6: lines that are too long are encoded, as well, but in a letter that bears a signature of others
/// and not ours: that would hold no more, and most servers take such lines.
pub(crate) async fn fitted(
    message: &Message,
    features: &Features,
    signer: Option<&Signer>,
) -> Message {
    let mut message = message.clone();
    let seven = message.eight_bit && !features.eight_bit;
    let lines = message.binary && (signer.is_some() || !features.takes_binary());
    let ours = signer.is_some() || !is_signed(&message.content);
    // What goes out binary is not made of lines.
    let short = ours && (lines || !message.binary) && has_long_lines(&message.content);
    if !seven && !lines && !short && signer.is_none() {
        return message;
    }
    let (content, signer) = (message.content.clone(), signer.cloned());
    let work = tokio::task::spawn_blocking(move || {
        let short = short.then(|| to_short_lines(&content, seven)).flatten();
        let encoded: Option<Arc<[u8]>> = match (short, seven, lines) {
            (Some(short), _, _) => Some(short.into()),
            (None, true, _) => to_seven_bit(&content).map(Into::into),
            (None, false, true) => to_lines(&content).map(Into::into),
            (None, false, false) => None,
        };
        let leaves = encoded.as_deref().unwrap_or(&content);
        // A signature over lines would not fit what goes out as it is.
        let signer = signer.filter(|_| encoded.is_some() || !lines);
        let head: Arc<[u8]> = signer.map_or_else(Arc::default, |s| s.sign(leaves).into());
        (encoded, head)
    });
    if let Ok((encoded, head)) = work.await {
        if let Some(encoded) = encoded {
            message.eight_bit = !encoded.is_ascii();
            message.binary = false;
            message.content = encoded;
        }
        message.head = head;
    }
    message
}

/// Whether somebody vouches for its octets (RFC 6376 §3.5).
fn is_signed(content: &[u8]) -> bool {
    fields(content).any(|field| field.is("DKIM-Signature"))
}

/// RFC 6531 §3.4: SMTPUTF8 is asked for where the reverse-path needs it, or the header of mail that came with it; a
/// letter that only could have needed it goes to servers that do not know it. Recipients' addresses tell themselves.
fn needs_utf8(job: &Job) -> bool {
    let envelope = &job.envelope;
    let from = match &envelope.from {
        ReversePath::Null => true,
        ReversePath::Address(address) => address.is_ascii(),
    };
    let header = || {
        let end = header_end(&job.content);
        job.content[..end].is_ascii()
    };
    !from || (envelope.smtputf8 && !header())
}

fn header_end(content: &[u8]) -> usize {
    memchr::memmem::find(content, b"\r\n\r\n").unwrap_or(content.len())
}
