//! Stopping: one signal that every loop watches, and a bounded wait for what is under way.

use std::time::Duration;
use tokio::sync::watch;

/// How long sessions get to finish after the signal.
pub const GRACE: Duration = Duration::from_secs(5);

/// Tells everybody to stop. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Shutdown {
    sender: std::sync::Arc<watch::Sender<bool>>,
}

impl Default for Shutdown {
    fn default() -> Self {
        Self {
            sender: std::sync::Arc::new(watch::channel(false).0),
        }
    }
}

impl Shutdown {
    /// A receiver that turns true when it is time to stop.
    pub fn watch(&self) -> watch::Receiver<bool> {
        self.sender.subscribe()
    }

    /// Says stop. Later calls change nothing.
    pub fn stop(&self) {
        self.sender.send_replace(true);
    }

    /// Whether somebody said stop.
    pub fn is_said(&self) -> bool {
        *self.sender.borrow()
    }

    /// Returns when somebody said stop.
    pub async fn stopped(&self) {
        let mut watch = self.watch();
        // The sender lives in self, so the channel cannot close first.
        let _ = watch.wait_for(|stop| *stop).await;
    }
}

/// Returns at SIGINT or SIGTERM.
pub async fn signal() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Ok(())
}
