//! Who holds a port or a store, from /proc as far as this user may read it.

use std::fs;

/// Processes looked at before giving up.
const PROCESSES_MAX: usize = 50_000;

/// `nginx (pid 812)`, or `None` when the system does not tell.
pub fn of_port(port: u16) -> Option<String> {
    let inode = ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .filter_map(|path| fs::read_to_string(path).ok())
        .find_map(|table| listening_inode(&table, port))?;
    let wanted = format!("socket:[{inode}]");
    let processes = fs::read_dir("/proc").ok()?.take(PROCESSES_MAX).flatten();
    for process in processes {
        let Ok(pid) = process.file_name().to_string_lossy().parse::<u32>() else {
            continue;
        };
        let Ok(files) = fs::read_dir(process.path().join("fd")) else {
            continue;
        };
        let holds = files.flatten().any(|file| {
            fs::read_link(file.path()).is_ok_and(|link| link.to_string_lossy() == wanted)
        });
        if holds {
            return Some(of_process(pid));
        }
    }
    None
}

/// `congvu (pid 812)`.
pub fn of_process(pid: u32) -> String {
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    match name.trim() {
        "" => format!("a process (pid {pid})"),
        name => format!("{name} (pid {pid})"),
    }
}

/// The socket inode that listens (state 0A) on this port in a /proc/net/tcp table.
fn listening_inode(table: &str, port: u16) -> Option<String> {
    let ending = format!(":{port:04X}");
    table.lines().skip(1).find_map(|line| {
        let columns: Vec<&str> = line.split_whitespace().collect();
        let listens = columns.get(1)?.ends_with(&ending) && *columns.get(3)? == "0A";
        listens
            .then(|| columns.get(9).map(|inode| (*inode).to_owned()))
            .flatten()
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_taken_port_names_its_holder() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let holder = super::of_port(port).unwrap();
        assert!(
            holder.contains(&format!("pid {}", std::process::id())),
            "{holder}"
        );
    }
}
