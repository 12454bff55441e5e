// The steps of thunderbird.py, run inside Thunderbird with its own rights.
const { MailServices } = ChromeUtils.importESModule("resource:///modules/MailServices.sys.mjs");
const { setTimeout } = ChromeUtils.importESModule("resource://gre/modules/Timer.sys.mjs");

async function until(what, test) {
  for (let turn = 0; turn < 200; turn++) {
    const found = await test();
    if (found) {
      return found;
    }
    await new Promise(go => setTimeout(go, 200));
  }
  throw new Error(what);
}

const server = () => MailServices.accounts.allServers.find(s => s.type == "imap");
const root = () => server().rootFolder;
const inbox = () => root().getFolderWithFlags(Ci.nsMsgFolderFlags.Inbox);
const headers = folder => Array.from(folder.messages);
const bySubject = (folder, subject) => headers(folder).find(h => h.mime2DecodedSubject == subject);
const refresh = folder => folder.updateFolder(null);

function copied(start) {
  return new Promise((done, fail) => {
    start({
      QueryInterface: ChromeUtils.generateQI(["nsIMsgCopyServiceListener"]),
      onStartCopy() {}, onProgress() {}, setMessageKey() {}, getMessageId() { return null; },
      onStopCopy(status) { Components.isSuccessCode(status) ? done() : fail(new Error("copy: " + status)); },
    });
  });
}

function fileOf(text) {
  const file = Services.dirsvc.get("TmpD", Ci.nsIFile);
  file.append("letter.eml");
  file.createUnique(Ci.nsIFile.NORMAL_FILE_TYPE, 0o600);
  return IOUtils.writeUTF8(file.path, text).then(() => file);
}

const letter = (subject, to) => {
  const from = MailServices.accounts.allIdentities[0].email;
  return `From: ${from}\r\nTo: ${to}\r\nSubject: ${subject}\r\nMessage-ID: <${subject}@client.test>\r\n` +
    `Date: Mon, 02 Nov 2026 08:00:00 +0700\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n` +
    `Content-Transfer-Encoding: 8bit\r\n\r\nĐề nghị báo cáo.\r\n`;
};

const steps = {
  async trust(pem) {
    const db = Cc["@mozilla.org/security/x509certdb;1"].getService(Ci.nsIX509CertDB);
    db.addCertFromBase64(pem.replace(/-----[^-]+-----|\s/g, ""), "C,,");
  },

  // As the account wizard does with what it found.
  async setUp(xml, address, password) {
    const { readFromXML } = ChromeUtils.importESModule("resource:///modules/accountcreation/readFromXML.sys.mjs");
    const { AccountConfig } = ChromeUtils.importESModule("resource:///modules/accountcreation/AccountConfig.sys.mjs");
    const { CreateInBackend } = ChromeUtils.importESModule("resource:///modules/accountcreation/CreateInBackend.sys.mjs");
    const { JXON } = ChromeUtils.importESModule("resource:///modules/JXON.sys.mjs");
    const config = readFromXML(JXON.build(new DOMParser().parseFromString(xml, "text/xml")), "isp");
    AccountConfig.replaceVariables(config, "Người dùng", address, password);
    if (config.incoming.type != "imap" || config.incoming.socketType != 3) {
      throw new Error("autoconfig does not offer IMAP over TLS first");
    }
    config.rememberPassword = true;
    await CreateInBackend.createAccountInBackend(config);
    server().performExpand(null);
    await until("no INBOX after set-up", () => inbox());
  },

  async list(last) {
    refresh(inbox());
    await until("the listing lacks a message", () => bySubject(inbox(), last));
    for (const name of ["Drafts", "SentMail", "Trash"]) {
      await until("no special folder " + name, () => root().getFolderWithFlags(Ci.nsMsgFolderFlags[name]));
    }
  },

  async read(subject) {
    const header = bySubject(inbox(), subject);
    const uri = inbox().getUriForMsg(header);
    return new Promise((done, fail) => {
      let data = "";
      MailServices.messageServiceFromURI(uri).streamMessage(uri, {
        QueryInterface: ChromeUtils.generateQI(["nsIStreamListener", "nsIRequestObserver"]),
        onStartRequest() {},
        onDataAvailable(request, stream, offset, count) {
          const input = Cc["@mozilla.org/binaryinputstream;1"].createInstance(Ci.nsIBinaryInputStream);
          input.setInputStream(stream);
          data += input.readBytes(count);
        },
        onStopRequest(request, status) { Components.isSuccessCode(status) ? done(btoa(data)) : fail(new Error("read: " + status)); },
      }, null, null, false, "", false);
    });
  },

  async flag(subject) {
    const header = bySubject(inbox(), subject);
    inbox().markMessagesRead([header], true);
    inbox().markMessagesFlagged([header], true);
  },

  async move(subject, name) {
    root().createSubfolder(name, null);
    const target = await until("the new folder", () => root().subFolders.find(f => f.name == name));
    const header = bySubject(inbox(), subject);
    await copied(listener => MailServices.copy.copyMessages(inbox(), [header], target, true, listener, null, false));
  },

  // What may be done with mailboxes that somebody shared, as Thunderbird learnt it by RFC 4314.
  async rights(names) {
    const every = folder => [folder, ...Array.from(folder.subFolders).flatMap(every)];
    const said = {};
    for (const name of names) {
      server().performExpand(null);
      const folder = await until("no shared " + name, () => every(root()).find(f => f.name == name));
      refresh(folder);
      await until("nothing in " + name, () => headers(folder).length);
      said[name] = { file: folder.canFileMessages, remove: folder.canDeleteMessages };
    }
    return said;
  },

  async remove(subject) {
    const header = bySubject(inbox(), subject);
    inbox().deleteMessages([header], null, false, false, null, false);
    await until("the deleted message is still listed", () => !bySubject(inbox(), subject));
  },

  async draft(subject) {
    const file = await fileOf(letter(subject, "ai-do@client.test"));
    const drafts = root().getFolderWithFlags(Ci.nsMsgFolderFlags.Drafts);
    await copied(listener => MailServices.copy.copyFileMessage(file, drafts, null, true, 0, "", listener, null));
  },

  async send(subject, to) {
    const identity = MailServices.accounts.allIdentities[0];
    const fields = Cc["@mozilla.org/messengercompose/composefields;1"].createInstance(Ci.nsIMsgCompFields);
    fields.from = identity.email;
    fields.to = to;
    fields.subject = subject;
    const sent = root().getFolderWithFlags(Ci.nsMsgFolderFlags.SentMail);
    identity.fccFolderURI = sent.URI;
    fields.fcc = sent.URI;
    const file = await fileOf(letter(subject, to));
    const message = Cc["@mozilla.org/messengercompose/send;1"].createInstance(Ci.nsIMsgSend);
    message.sendMessageFile(identity, MailServices.accounts.accounts[0].key, fields, file, false, false,
      Ci.nsIMsgSend.nsMsgDeliverNow, null, null, null, null);
  },

  // How many messages of INBOX the server finds.
  async search(text) {
    const session = Cc["@mozilla.org/messenger/searchSession;1"].createInstance(Ci.nsIMsgSearchSession);
    session.addScopeTerm(Ci.nsMsgSearchScope.onlineMail, inbox());
    const term = session.createTerm();
    const value = term.value;
    value.attrib = Ci.nsMsgSearchAttrib.Subject;
    value.str = text;
    term.value = value;
    term.attrib = Ci.nsMsgSearchAttrib.Subject;
    term.op = Ci.nsMsgSearchOp.Contains;
    term.booleanAnd = true;
    session.appendTerm(term);
    return new Promise(done => {
      let hits = 0;
      session.registerListener({
        QueryInterface: ChromeUtils.generateQI(["nsIMsgSearchNotify"]),
        onSearchHit() { hits++; }, onSearchDone() { done(hits); }, onNewSearch() {},
      });
      session.search(null);
    });
  },

  async leave() {
    server().closeCachedConnections();
  },

  async back(fresh, answered, emptied) {
    const folder = root().subFolders.find(f => f.name == emptied);
    refresh(inbox());
    await until("a new message is not seen", () => bySubject(inbox(), fresh));
    await until("a flag set elsewhere is not seen", () => bySubject(inbox(), answered)?.flags & Ci.nsMsgMessageFlags.Replied);
    refresh(folder);
    await until("a message expunged elsewhere is still there", () => headers(folder).length == 0);
  },
};
