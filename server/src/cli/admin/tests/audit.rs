//! The log's hashes verified, and a noted entry compared, against a scripted server.

use super::Scripted;

#[test]
fn a_log_that_does_not_hold_is_a_failure() {
    let broken = r#"{"id": 1, "finished": true, "holds": false, "broken_at": 5, "broken": "changed", "last": 9,
        "hash": "00", "first": 1}"#;
    let (printed, asked) =
        Scripted::start(Box::leak(Box::new([(200, broken)]))).run("audit verify --lang en");
    assert!(printed.unwrap_err().to_string().contains("from entry 5 on"));
    assert!(asked[0].starts_with("POST /api/v1/audit/verify "));
}

#[test]
fn a_noted_entry_tells_of_a_log_written_anew_or_put_back() {
    let verify = |expect: &str, first: u64, asked: usize| {
        let whole = format!(
            r#"{{"id": 1, "finished": true, "holds": true, "broken_at": null, "first": {first}, "last": 9, "hash": "0a"}}"#
        );
        let entry = format!(r#"{{"number": 9, "hash": "{}"}}"#, "0a".repeat(32));
        let answers: [(u16, &'static str); 2] = [(200, whole.leak()), (200, entry.leak())];
        let line = format!("audit verify --expect {expect} --lang en");
        Scripted::start(&Box::leak(Box::new(answers))[..asked]).run(&line)
    };
    let check = |number: u64, hash: &str, first: u64, error: Option<&str>, asked: usize| {
        let (printed, requests) = verify(&format!("{number}:{}", hash.repeat(32)), first, asked);
        let told = printed.err().map(|error| error.to_string());
        let as_meant = match error {
            Some(part) => told.as_ref().is_some_and(|told| told.contains(part)),
            None => told.is_none(),
        };
        assert!(as_meant, "{number}:{hash} {told:?}");
        assert_eq!(requests.len(), asked, "{requests:?}");
    };
    check(9, "0A", 1, None, 2);
    check(9, "0b", 1, Some("from entry 9 on"), 2);
    check(12, "0a", 1, Some("from entry 10 on"), 1);
    check(2, "0a", 4, Some("begins at entry 4"), 1);
    for poor in ["abc", "9", "9:0a", "x:0a", ":"] {
        let (printed, asked) = verify(poor, 1, 0);
        let told = printed.unwrap_err().to_string();
        assert!(told.contains("expected NUMBER:HASH"), "{poor}: {told}");
        assert!(asked.is_empty(), "{asked:?}");
    }
}
