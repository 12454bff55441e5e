//! A DNS server on loopback whose answers are signed (RFC 4035), as those of the root: one zone with all names in it,
//! but for zones that are delegated unsigned. What does not exist is denied by a record that is made when it is asked
//! for (RFC 9824 §3.1).

use hickory_resolver::proto::dnssec::crypto::Ed25519SigningKey;
use hickory_resolver::proto::dnssec::rdata::sig::SigInput;
use hickory_resolver::proto::dnssec::rdata::{DNSKEY, DNSSECRData, NSEC, RRSIG};
use hickory_resolver::proto::dnssec::{DnssecSigner, SigningKey, TBS};
use hickory_resolver::proto::op::{Message, MessageType};
use hickory_resolver::proto::rr::rdata::tlsa::{CertUsage, Matching, Selector};
use hickory_resolver::proto::rr::rdata::{A, CNAME, MX, NS, SOA, TLSA, TXT};
use hickory_resolver::proto::rr::{
    DNSClass, Name, RData, Record, RecordSet, RecordType, SerialNumber,
};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::str::FromStr as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Seconds for which records and signatures hold.
const TTL: u32 = 60;
/// What the server does with names that begin so: leaves the signature out, spoils it, gives no answer.
const MARKS: [&str; 3] = ["unsigned.", "forged.", "silent."];

/// What the server knows; to be changed while it runs.
#[derive(Default)]
struct Zone {
    records: Vec<(Name, RData)>,
    /// Zones without DS record: nothing in them is signed.
    unsigned: Vec<Name>,
    /// Name and type whose answers are marked.
    marked: Vec<(Name, RecordType, &'static str)>,
}

/// A server; answers until the test ends.
pub struct Signed {
    pub address: SocketAddr,
    /// The key from which its answers are checked, as a line of a file of trust anchors.
    pub anchor: String,
    zone: Arc<Mutex<Zone>>,
}

fn name(text: &str) -> Name {
    Name::from_str(&format!("{text}.")).unwrap()
}

/// The data of an address.
pub fn a(ip: [u8; 4]) -> RData {
    RData::A(A(Ipv4Addr::from(ip)))
}

/// The data of an MX record.
pub fn mx(preference: u16, host: &str) -> RData {
    RData::MX(MX::new(preference, name(host)))
}

/// The data of an alias.
pub fn cname(to: &str) -> RData {
    RData::CNAME(CNAME(name(to)))
}

/// The data of a TXT record.
pub fn txt(text: &str) -> RData {
    RData::TXT(TXT::new(vec![text.to_owned()]))
}

/// The data of a TLSA record: usage, selector and SHA-256 of what is selected.
pub fn tlsa(usage: u8, selector: u8, hash: &[u8]) -> RData {
    let (usage, selector) = (CertUsage::from(usage), Selector::from(selector));
    RData::TLSA(TLSA::new(usage, selector, Matching::Sha256, hash.to_vec()))
}

impl Signed {
    /// Begins to answer.
    pub fn start() -> Self {
        let pkcs8 = Ed25519SigningKey::generate_pkcs8().unwrap();
        let key = Ed25519SigningKey::from_pkcs8(&pkcs8).unwrap();
        let dnskey = DNSKEY::from_key(&key.to_public_key().unwrap());
        let anchor = format!(". 60 IN DNSKEY {dnskey}\n");
        let held = Duration::from_secs(u64::from(TTL) * 60);
        let signer = DnssecSigner::new(dnskey.clone(), Box::new(key), Name::root(), held);
        let zone = Arc::new(Mutex::new(Zone::default()));
        let root = RData::DNSSEC(DNSSECRData::DNSKEY(dnskey));
        let soa = SOA::new(Name::root(), Name::root(), 1, 60, 60, 60, 60);
        for data in [root, RData::NS(NS(Name::root())), RData::SOA(soa)] {
            zone.lock().unwrap().records.push((Name::root(), data));
        }
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        let known = Arc::clone(&zone);
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok((length, peer)) = socket.recv_from(&mut buffer) {
                let asked = Message::from_vec(&buffer[..length]).unwrap();
                let answer = known.lock().unwrap().answer(&asked, &signer);
                if let Some(answer) = answer {
                    let _ = socket.send_to(&answer.to_vec().unwrap(), peer);
                }
            }
        });
        Self {
            address,
            anchor,
            zone,
        }
    }

    /// Adds a record.
    pub fn add(&self, at: &str, data: RData) {
        self.zone.lock().unwrap().records.push((name(at), data));
    }

    /// From now on nothing at and below this name is signed.
    pub fn unsigned_zone(&self, at: &str) {
        let mut zone = self.zone.lock().unwrap();
        zone.records
            .push((name(at), RData::NS(NS(name("ns.example")))));
        zone.unsigned.push(name(at));
    }

    /// Answers for this name and type are `forged` (a bad signature), `unsigned` or `silent` (none comes).
    pub fn mark(&self, at: &str, kind: RecordType, how: &'static str) {
        assert!(MARKS.iter().any(|mark| mark.starts_with(how)), "{how}");
        self.zone.lock().unwrap().marked.push((name(at), kind, how));
    }
}

impl Zone {
    fn unsigned(&self, at: &Name, kind: RecordType) -> bool {
        // RFC 4035 §2.4: DS belongs to the zone above.
        self.unsigned
            .iter()
            .any(|zone| zone.zone_of(at) && (kind != RecordType::DS || zone != at))
    }

    fn answer(&self, asked: &Message, signer: &DnssecSigner) -> Option<Message> {
        let query = asked.queries.first()?;
        let (mut at, kind) = (query.name().clone(), query.query_type());
        let mut out = Message::new(
            asked.metadata.id,
            MessageType::Response,
            asked.metadata.op_code,
        );
        out.metadata.recursion_desired = true;
        out.metadata.recursion_available = true;
        out.add_query(query.clone());
        let mark = |at: &Name, kind| {
            let mut marked = self.marked.iter();
            marked.find(|m| m.0 == *at && m.1 == kind).map(|m| m.2)
        };
        for _ in 0..10 {
            if mark(&at, kind) == Some("silent") {
                return None;
            }
            let of = |kind: RecordType| -> Vec<RData> {
                let own = self
                    .records
                    .iter()
                    .filter(|(n, data)| *n == at && data.record_type() == kind);
                own.map(|(_, data)| data.clone()).collect()
            };
            let (found, alias) = (of(kind), of(RecordType::CNAME));
            let (kind_here, found) = match (found.is_empty(), alias.is_empty()) {
                (false, _) => (kind, found),
                (true, false) => (RecordType::CNAME, alias),
                (true, true) => {
                    self.deny(&at, kind, signer, &mut out);
                    return Some(out);
                }
            };
            let next = match &found[0] {
                RData::CNAME(to) if kind_here != kind => Some(to.0.clone()),
                _ => None,
            };
            let how = mark(&at, kind_here);
            out.add_answers(self.signed(&at, kind_here, found, signer, how));
            match next {
                Some(next) => at = next,
                None => return Some(out),
            }
        }
        Some(out)
    }

    /// No such record.
    fn deny(&self, at: &Name, kind: RecordType, signer: &DnssecSigner, out: &mut Message) {
        if self.unsigned(at, kind) {
            let zone = self.unsigned.iter().find(|zone| zone.zone_of(at)).unwrap();
            let soa = SOA::new(zone.clone(), zone.clone(), 1, 60, 60, 60, 60);
            out.add_authority(Record::from_rdata(zone.clone(), TTL, RData::SOA(soa)));
            return;
        }
        let soa = SOA::new(Name::root(), Name::root(), 1, 60, 60, 60, 60);
        out.add_authorities(self.signed(
            &Name::root(),
            RecordType::SOA,
            vec![RData::SOA(soa)],
            signer,
            None,
        ));
        let there = self.records.iter().filter(|(n, _)| n == at);
        let kinds: Vec<RecordType> = there.map(|(_, data)| data.record_type()).collect();
        let next = at.prepend_label([0u8].as_slice()).unwrap();
        let nsec = RData::DNSSEC(DNSSECRData::NSEC(NSEC::new_cover_self(next, kinds)));
        out.add_authorities(self.signed(at, RecordType::NSEC, vec![nsec], signer, None));
    }

    /// The records with their signature.
    fn signed(
        &self,
        at: &Name,
        kind: RecordType,
        data: Vec<RData>,
        signer: &DnssecSigner,
        how: Option<&str>,
    ) -> Vec<Record> {
        let mut set = RecordSet::with_ttl(at.clone(), kind, TTL);
        for data in data {
            set.add_rdata(data);
        }
        let mut records: Vec<Record> = set.records_without_rrsigs().cloned().collect();
        // RFC 4035 §2.3: at a zone cut the NSEC record of the zone above tells that there is no DS.
        let proof = kind == RecordType::NSEC;
        if (self.unsigned(at, kind) && !proof) || how == Some("unsigned") {
            return records;
        }
        let now = directory::Clock::now_s(&server::clock::SystemClock) as u32;
        let input = SigInput {
            type_covered: kind,
            algorithm: signer.key().algorithm(),
            num_labels: at.num_labels(),
            original_ttl: TTL,
            sig_expiration: SerialNumber::new(now + 3600),
            sig_inception: SerialNumber::new(now - 3600),
            key_tag: signer.calculate_key_tag().unwrap(),
            signer_name: Name::root(),
        };
        let tbs = TBS::from_input(at, DNSClass::IN, &input, records.iter()).unwrap();
        let mut signature = signer.sign(&tbs).unwrap();
        if how == Some("forged") {
            signature[7] ^= 1;
        }
        let rrsig = RData::DNSSEC(DNSSECRData::RRSIG(RRSIG::from_sig(input, signature)));
        records.push(Record::from_rdata(at.clone(), TTL, rrsig));
        records
    }
}
