//! Where the domain on which a letter says that it reports asks for reports: `rua` of RFC 9989 §4.7 and of RFC 8460 §3.
//! A report that came there is believed further than one that came to anybody.

use super::dmarc_record::is_record;
use super::lookup::Asking;
use crate::dmarc_report::places;
use crate::{Asks, Resolver, dmarc_arrived, tls_arrived};
use formats::address::Address;

/// What the record of that domain says. `None`: the letter brings no report, or the domain asks for none.
pub(super) async fn asked<R: Resolver>(asking: &mut Asking<'_, R>, head: &[u8]) -> Option<Asks> {
    let (domain, name, is_own): (_, _, fn(&str) -> bool) = match tls_arrived::reported_domain(head)
    {
        Some(domain) => {
            let name = format!("_smtp._tls.{domain}");
            (domain, name, |text| text.starts_with("v=TLSRPTv1"))
        }
        None => {
            let domain = dmarc_arrived::reported_domain(head)?;
            let name = format!("_dmarc.{domain}");
            (domain, name, is_record)
        }
    };
    let texts = asking.texts(&name).await.ok()?;
    let record = texts.iter().find(|text| is_own(text))?;
    let places = record.split(';').find_map(|tag| {
        let (name, value) = tag.split_once('=')?;
        (name.trim() == "rua").then(|| places(value))
    })?;
    let places: Vec<Address> = places.into_iter().map(|place| place.address).collect();
    Some(Asks {
        domain: domain.to_string(),
        places,
    })
}
