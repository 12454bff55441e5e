"""jmapc, a JMAP client from PyPI that knows nothing of this server, against `congvu demo`: the session, mailboxes, a
letter written and sent, found, read, flagged, filed, its attachment up and down, and the push that tells of it.

  python3 tests/clients/jmap_flow.py DIR/demo.json
"""
import json
import os
import pathlib
import sys
import tempfile
import threading
import time

facts = json.load(open(sys.argv[1]))
os.environ["REQUESTS_CA_BUNDLE"] = facts["ca"]

try:
    import jmapc
    from jmapc import methods as m
except ImportError:
    print("jmapc is not installed (pip install jmapc): skipped")
    print("== OK")
    sys.exit()

sender, other = facts["accounts"][20], facts["accounts"][21]
host = f"localhost:{facts['ports']['https']}"


def client(person):
    return jmapc.Client.create_with_password(host, person["address"], person["password"])


def mailbox(jmap, role):
    found = jmap.request(m.MailboxQuery(filter=jmapc.MailboxQueryFilterCondition(role=role)), raise_errors=True)
    assert len(found.ids) == 1, found
    return found.ids[0]


mine, theirs = client(sender), client(other)
assert mine.request(m.CoreEcho(data={"chào": "nhé"}), raise_errors=True).data == {"chào": "nhé"}
assert mine.account_id != theirs.account_id

# Pushes of the other person, from before anything is sent.
told = []


def listen():
    for event in theirs.events:
        told.append(event)
        return


listener = threading.Thread(target=listen, daemon=True)
listener.start()
time.sleep(1)

# Written as a draft with an attachment, then sent.
drafts, sent, inbox = mailbox(mine, "drafts"), mailbox(mine, "sent"), mailbox(theirs, "inbox")
identity = mine.request(m.IdentityGet(), raise_errors=True).data[0]
assert identity.email == sender["address"]
folder = pathlib.Path(tempfile.mkdtemp())
(folder / "số liệu.txt").write_text("Một, hai, ba.\r\n" * 4000, encoding="utf-8")
blob = mine.upload_blob(folder / "số liệu.txt")
subject = f"jmapc {os.getpid()}: Công văn số 12/UBND"
email = jmapc.Email(
    mail_from=[jmapc.EmailAddress(name=sender["name"], email=sender["address"])],
    to=[jmapc.EmailAddress(name=other["name"], email=other["address"])],
    subject=subject,
    keywords={"$draft": True},
    mailbox_ids={drafts: True},
    body_values={"b": jmapc.EmailBodyValue(value="Kính gửi: thư này do jmapc gửi.")},
    text_body=[jmapc.EmailBodyPart(part_id="b", type="text/plain")],
    attachments=[jmapc.EmailBodyPart(blob_id=blob.id, name="số liệu.txt", type="text/plain", disposition="attachment")],
)
results = mine.request(
    [
        m.EmailSet(create={"letter": email}),
        m.EmailSubmissionSet(
            on_success_update_email={
                "#submission": {f"mailboxIds/{drafts}": None, f"mailboxIds/{sent}": True, "keywords/$draft": None}
            },
            create={
                "submission": jmapc.EmailSubmission(
                    email_id="#letter",
                    identity_id=identity.id,
                    envelope=jmapc.Envelope(
                        mail_from=jmapc.Address(email=sender["address"]),
                        rcpt_to=[jmapc.Address(email=other["address"])],
                    ),
                )
            },
        ),
    ],
    raise_errors=True,
)
made = results[0].response.created["letter"].id
assert results[1].response.created["submission"].undo_status is not None
moved = mine.request(m.EmailGet(ids=[made], properties=["mailboxIds", "keywords"]), raise_errors=True).data[0]
assert moved.mailbox_ids == {sent: True} and "$draft" not in (moved.keywords or {}), moved

# It arrives, and the push says so.
listener.join(15)
assert told and theirs.account_id in told[0].data.changed, told
words = f"jmapc {os.getpid()}"
for _ in range(100):
    found = theirs.request(
        m.EmailQuery(filter=jmapc.EmailQueryFilterCondition(in_mailbox=inbox, text=words)), raise_errors=True
    ).ids
    if found:
        break
    time.sleep(0.1)
assert len(found) == 1, found
letter = theirs.request(
    m.EmailGet(ids=found, fetch_all_body_values=True), raise_errors=True
).data[0]
assert letter.subject == subject and letter.mail_from[0].email == sender["address"], letter
assert "do jmapc gửi" in "".join(v.value for v in letter.body_values.values())
[part] = letter.attachments
theirs.download_attachment(part, folder / "down")
assert (folder / "down").read_bytes() == (folder / "số liệu.txt").read_bytes()

# Without diacritics, with the place marked.
snippet = theirs.request(
    m.SearchSnippetGet(ids=found, filter=jmapc.EmailQueryFilterCondition(text="cong van")), raise_errors=True
).data[0]
assert "<mark>Công</mark> <mark>văn</mark>" in snippet.subject or "<mark>Công văn</mark>" in snippet.subject, snippet

# Read, flagged, filed, and each told of as a change.
state = theirs.request(m.EmailGet(ids=[]), raise_errors=True).state
theirs.request(
    m.EmailSet(update={found[0]: {"keywords/$seen": True, "keywords/$flagged": True}}), raise_errors=True
)
archive = mailbox(theirs, "archive")
theirs.request(m.EmailSet(update={found[0]: {"mailboxIds": {archive: True}}}), raise_errors=True)
changes = theirs.request(m.EmailChanges(since_state=state), raise_errors=True)
assert changes.updated == found and not changes.created and not changes.destroyed, changes
thread = theirs.request(m.ThreadGet(ids=[letter.thread_id]), raise_errors=True).data[0]
assert thread.email_ids == found, thread
theirs.request(m.EmailSet(destroy=found), raise_errors=True)
assert theirs.request(m.EmailGet(ids=found), raise_errors=True).not_found == found

# What is wrong is refused in the RFC's words.
wrong = theirs.request(m.EmailChanges(since_state="nonsense"))
assert isinstance(wrong, jmapc.Error) and wrong.type == "cannotCalculateChanges", wrong
print("== OK")
