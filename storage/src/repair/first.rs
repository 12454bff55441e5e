//! Repair of a store of the first format: it is upgraded with all that is whole of its journal. As it was, it stays in
//! `before-2`; what is missing is told as of any journal.

use super::mishap::{Mishap, Than};
use super::{Gone, RESTORED, Repaired, aside, rename};
use crate::format::{Format, Found};
use crate::seal::Keys;
use crate::upgrade::{self, Wrong};
use crate::{Error, Options, disk, keyring, recover};

/// Makes a store of the first format one of this one; any other is left alone. Whether commits are lost: then all
/// counters have to leap, and do so at the next start if this repair does not come so far. Errors: `Unavailable`.
pub(super) fn upgraded(
    options: &Options,
    keys: &Keys,
    report: &mut Repaired,
) -> Result<bool, Error> {
    if Found::look(&options.dir) != Ok(Found::First) {
        return Ok(false);
    }
    let format = Format {
        unnamed: true,
        sealed: keyring::is_sealed(&options.dir),
        ..Format::draw(options.engine)?
    };
    let lost = upgrade::salvaged(options, keys, format.owner(), &mut |wrong| {
        report.add(&told(wrong), &[]);
    })?;
    if lost {
        report.gone = Some(Gone {
            others: true,
            ..Gone::default()
        });
        report.keep((&options.dir, &options.disk), options.clock.now())?;
        options.disk.replace(&options.dir, RESTORED, &[])?;
        // It may be the last that has what is missing, for whoever has the program that wrote it.
        let index = options.dir.join(recover::INDEX);
        if index.is_dir() {
            rename(options, &index, &aside(options, recover::INDEX)?)?;
        }
    }
    let upgraded = upgrade::swapped(options)?;
    format.write(&options.dir, &options.disk)?;
    upgrade::tell(options, Some(upgraded));
    Ok(lost)
}

/// The counters have leapt.
pub(super) fn leapt(options: &Options) -> Result<(), Error> {
    let mark = options.dir.join(RESTORED);
    let removed = options.disk.remove(&mark);
    removed.map_err(|e| disk::failed("cannot remove", &mark, &e))?;
    options.disk.sync_dir(&options.dir)
}

fn told(wrong: Wrong) -> Mishap {
    match wrong {
        Wrong::Head { segment } => Mishap::SegmentHead { segment },
        Wrong::Missing { segment } => Mishap::Segment { segment },
        Wrong::Other { segment, own } => Mishap::SegmentOther { segment, own },
        Wrong::Commits { segment, from, to } => Mishap::Commits { segment, from, to },
        Wrong::Short => Mishap::JournalShort {
            than: Than::Checkpoint,
        },
    }
}
