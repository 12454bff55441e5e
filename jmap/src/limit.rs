//! Every limit of the room, by name (I-13). Those that RFC 8620 §2 names are in the session object.

/// RFC 8620 §2 `maxSizeRequest`: octets of one API request.
pub const REQUEST_OCTETS_MAX: usize = 10_000_000;
/// RFC 8620 §2 `maxConcurrentRequests`, of one account.
pub const REQUESTS_AT_ONCE_MAX: u32 = 10;
/// RFC 8620 §2 `maxConcurrentUpload`, of one account.
pub const UPLOADS_AT_ONCE_MAX: u32 = 4;
/// RFC 8620 §2 `maxCallsInRequest`.
pub const CALLS_MAX: usize = 16;
/// RFC 8620 §2 `maxObjectsInGet`.
pub const GET_OBJECTS_MAX: usize = 500;
/// RFC 8620 §2 `maxObjectsInSet`.
pub const SET_OBJECTS_MAX: usize = 500;
/// Open event streams of one account: tabs and devices of one person.
pub const STREAMS_MAX: u32 = 16;
/// Requests that may be inside the store at once; others wait. Twice what a small server's cores can use.
pub const BLOCKING_MAX: usize = 32;
/// Capabilities named in `using`.
pub const USING_MAX: usize = 32;
/// Creation ids that a request may bring along.
pub const CREATED_IDS_MAX: usize = 4_096;
/// Values that one result reference may come to.
pub const REFERENCE_VALUES_MAX: usize = 50_000;
/// Steps in the path of a result reference.
pub const REFERENCE_STEPS_MAX: usize = 32;
/// Octets of all body values in the answer to one request; later values are truncated and say so.
pub const BODY_VALUES_OCTETS_MAX: usize = 64 << 20;
/// Properties, or body properties, that one call may name.
pub const PROPERTIES_MAX: usize = 200;
/// Ids in the answer to one query (`limit`).
pub const QUERY_IDS_MAX: usize = 50_000;
/// Operators and conditions of one filter.
pub const FILTER_NODES_MAX: usize = 200;
/// Operators within operators.
pub const FILTER_DEPTH_MAX: usize = 16;
/// Comparators of one sort.
pub const SORT_MAX: usize = 8;
/// Octets of one search text.
pub const SEARCH_OCTETS_MAX: usize = 1_024;
/// Words of one search text.
pub const SEARCH_WORDS_MAX: usize = 32;
/// Messages whose content the queries of one request read, the newest first; the rest is judged by
/// its summary.
pub const SEARCH_CONTENTS_MAX: usize = 3_000;
/// Messages of whose attached files the queries of one request read the text, the newest first.
pub const SEARCH_ATTACHED_MAX: usize = 3_000;
/// Octets of that text, unpacked.
pub const SEARCH_ATTACHED_OCTETS_MAX: u64 = 256 << 20;
/// Words that the queries of one request ask the search index for, of letters and of attached files; the others are
/// judged by reading.
pub const SEARCH_KNOWN_WORDS_MAX: usize = 128;
/// Messages that it may name for all of them, before the last.
pub const SEARCH_KNOWN_MESSAGES_MAX: usize = 2_000_000;
/// Messages that are looked up one by one; where there may be more, all states are gone through.
pub const SEARCH_REACH_MAX: usize = 50_000;
/// Words of a phrase that the index is asked for.
pub const SEARCH_PIECES_MAX: usize = 8;
/// Octets of content that the queries of one request read.
pub const SEARCH_CONTENT_OCTETS_MAX: u64 = 256 << 20;
/// Entries of the change log that one call looks at.
pub const CHANGE_LOG_MAX: usize = 50_000;
/// Ids in the answer of `/changes` and `/queryChanges` when the caller named no limit.
pub const CHANGES_MAX: usize = 10_000;
/// Rows of lists that are remembered so that changes can be told, over all accounts: 16 octets each.
pub const REMEMBERED_ROWS_MAX: usize = 1 << 20;
/// RFC 8621 §1.3.1 `maxMailboxesPerEmail`.
pub const MAILBOXES_PER_EMAIL_MAX: usize = 100;
/// RFC 8621 §1.3.1 `maxMailboxDepth`, as storage has it.
pub const MAILBOX_DEPTH_MAX: usize = 20;
/// RFC 8621 §1.3.1 `maxSizeMailboxName`, octets, as storage has it.
pub const MAILBOX_NAME_OCTETS_MAX: usize = 255;
/// Keywords of one message.
pub const KEYWORDS_MAX: usize = 128;
/// RFC 9404 §3.1 `maxDataSources`: no server may take fewer than 64.
pub const BLOB_SOURCES_MAX: usize = 64;
/// Octets of blobs that the methods of RFC 9404 read and make for one request; over it they say so.
pub const BLOB_OCTETS_MAX: u64 = 256 << 20;
/// Messages inside messages that a blob id may reach into.
pub const BLOB_DEPTH_MAX: usize = 4;
/// Octets of a blob id as text.
pub const BLOB_ID_OCTETS_MAX: usize = 512;
/// Attachments and inline parts of a message made by Email/set.
pub const CREATE_PARTS_MAX: usize = 200;
/// Header fields of a message made by Email/set.
pub const CREATE_FIELDS_MAX: usize = 100;
/// Recipients that one submission may name before delivery counts them.
pub const RECIPIENTS_MAX: usize = 10_000;
/// Seconds between pings when the client wishes for more (RFC 8620 §7.3 allows no less than 300).
pub const PING_MAX_S: u64 = 900;
/// Milliseconds that a stream waits after a change, so that a burst is one event.
pub const COALESCE_MS: u64 = 200;
/// Octets of the `name` in a download address.
pub const FILE_NAME_OCTETS_MAX: usize = 1_024;
/// Octets of one letter's document (`ui/README.md` §6 vector 14); longer ones are cut and say so.
pub const LETTER_OCTETS_MAX: usize = 2 << 20;
/// Rows in the first paint.
pub const BOOT_ROWS: usize = 30;
/// Messages under way to push services at once, over all accounts.
pub const POSTS_AT_ONCE_MAX: usize = 32;
/// Looks at what changed for push subscriptions at once.
pub const PUSH_BLOCKING_MAX: usize = 8;
/// Seconds between two sweeps of push subscriptions that have ended.
pub const PUSH_SWEEP_S: u64 = 60;
/// Seconds for which a push service keeps a message for a device that is away (RFC 8030 §5.2).
pub const PUSH_TTL_S: u64 = 86_400;
/// Seconds between two messages to one subscription, at least.
pub const PUSH_GAP_MIN_S: u64 = 1;
/// Seconds between two messages to one subscription, however long its service wants to be left alone.
pub const PUSH_GAP_MAX_S: u64 = 3_600;
/// Messages to one subscription that may fail in a row, over a day and more; then it is removed.
pub const PUSH_TRIES_MAX: u32 = 14;
/// Open web sockets of one account.
pub const SOCKETS_MAX: u32 = 16;
/// Octets of a message on a web socket that is read at once; a longer one waits for a seat and a thread.
pub const SOCKET_AT_ONCE_OCTETS: usize = 16 << 10;
/// Seconds without a word from a web socket's other side, after which it is asked whether it is there.
pub const SOCKET_PING_S: u64 = 60;
/// Seconds in which it must say so.
pub const SOCKET_PONG_S: u64 = 30;
/// Seconds in which it must take a message.
pub const SOCKET_WRITE_S: u64 = 60;
