//! Speaks JMAP (RFC 8620, RFC 8621) and serves letters as safe documents.
