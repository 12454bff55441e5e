//! Speaks SMTP and submission: machines, and the tokio session loop.
