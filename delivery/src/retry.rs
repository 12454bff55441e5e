//! RFC 5321 §4.5.4.1: when to try again, and when to give up. Pure.

/// Seconds after which mail that nobody takes is returned ("at least 4-5 days").
pub const GIVE_UP_S: i64 = 5 * 24 * 3600;
/// Seconds after which a sender here is told, once, that his letter still waits.
pub const WARN_S: i64 = 4 * 3600;
/// Seconds to wait after the first tries; the last holds for all that follow.
const REMOTE_WAITS_S: [i64; 6] = [15 * 60, 30 * 60, 3600, 2 * 3600, 3 * 3600, 4 * 3600];
/// The same when the trouble is our own disk.
const LOCAL_WAITS_S: [i64; 4] = [5, 30, 60, 300];

/// When to try a peer again after `tries` tries (1 or more), all in Unix seconds; `None`: give up.
pub fn remote(accepted_at: i64, tries: u32, now: i64) -> Option<i64> {
    next(&REMOTE_WAITS_S, accepted_at, tries, now)
}

/// When to try to place here again.
pub fn local(accepted_at: i64, tries: u32, now: i64) -> Option<i64> {
    next(&LOCAL_WAITS_S, accepted_at, tries, now)
}

/// When to try a full mailbox here again, which is done for so many seconds, the last time at their end.
pub fn full(accepted_at: i64, tries: u32, now: i64, wait_s: i64) -> Option<i64> {
    let end = accepted_at.saturating_add(wait_s.min(GIVE_UP_S));
    let again = next(&REMOTE_WAITS_S, accepted_at, tries, now)?;
    (now < end).then_some(again.min(end))
}

fn next(waits: &[i64], accepted_at: i64, tries: u32, now: i64) -> Option<i64> {
    if now.saturating_sub(accepted_at) >= GIVE_UP_S {
        return None;
    }
    let nth = (tries.max(1) as usize - 1).min(waits.len() - 1);
    Some(now.saturating_add(waits[nth]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_retries_in_the_first_hour_then_hours_then_an_end() {
        let (mut now, mut tries, mut times) = (0, 0, Vec::new());
        while let Some(due) = {
            tries += 1;
            remote(0, tries, now)
        } {
            now = due;
            times.push(due);
        }
        assert!(times[1] <= 3600, "RFC 5321 §4.5.4.1");
        assert!(
            times
                .windows(2)
                .all(|w| w[1] > w[0] && w[1] - w[0] <= 4 * 3600)
        );
        assert!((GIVE_UP_S..=GIVE_UP_S + 4 * 3600).contains(&now));
        assert!(tries < 50);
        assert_eq!(local(i64::MIN, 1, i64::MAX), None);
        assert_eq!(full(0, 1, 0, 0), None);
        assert_eq!(full(0, 1, 0, 600), Some(600));
        assert_eq!(full(0, 2, 600, 600), None);
        assert_eq!(full(0, 1, 0, i64::MAX), Some(15 * 60));
        assert_eq!(full(0, 9, GIVE_UP_S, i64::MAX), None);
        assert_eq!(local(i64::MAX, 0, i64::MAX), Some(i64::MAX));
    }
}
