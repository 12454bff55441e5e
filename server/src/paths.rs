//! Paths in the config are relative to the folder of the config file, wherever a command was called from; paths
//! on the command line are relative to where one is.

use crate::config::Config;
use std::path::{Path, PathBuf};

/// Every path of the config.
fn all(config: &mut Config) -> Vec<&mut PathBuf> {
    let (tls, storage, relay) = (&mut config.tls, &mut config.storage, &mut config.relay);
    let routes = relay.routes.iter_mut();
    let mut paths: Vec<&mut PathBuf> = routes.map(|route| &mut route.password_file).collect();
    paths.extend([
        &mut config.server.data,
        &mut relay.authorities,
        &mut relay.trust_anchors,
        &mut tls.certificate,
        &mut tls.key,
        &mut storage.encryption.key_file,
        &mut storage.backup.folder,
        &mut storage.backup.key_file,
        &mut storage.backup.passphrase_file,
    ]);
    paths
}

/// The folder of a config file; `None` where that is the current one.
fn folder(file: &Path) -> Option<&Path> {
    file.parent().filter(|f| !f.as_os_str().is_empty())
}

fn is_relative(path: &Path) -> bool {
    !path.as_os_str().is_empty() && path.is_relative()
}

/// What was read from `file`, with its paths as seen from where one is.
pub(crate) fn from_file(mut config: Config, file: &Path) -> Config {
    if let Some(folder) = folder(file) {
        for path in all(&mut config).into_iter().filter(|p| is_relative(p)) {
            *path = folder.join(&*path);
        }
    }
    config
}

/// The reverse, for a config that is to be written to `file`: short where a path lies below its folder. Errors:
/// the current folder is gone.
pub(crate) fn for_file(mut config: Config, file: &Path) -> std::io::Result<Config> {
    let Some(folder) = folder(file) else {
        return Ok(config);
    };
    let folder = std::path::absolute(folder)?;
    for path in all(&mut config).into_iter().filter(|p| is_relative(p)) {
        let whole = std::path::absolute(&*path)?;
        *path = match whole.strip_prefix(&folder) {
            Ok(below) => below.to_owned(),
            Err(_) => whole,
        };
    }
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_relative_to_the_config_file() {
        let mut config = Config::default();
        config.tls.key = "/etc/tls/key.pem".into();
        config.storage.encryption.key_file = "keys/master.key".into();
        let seen = from_file(config.clone(), Path::new("/srv/congvu/congvu.toml"));
        assert_eq!(seen.server.data, Path::new("/srv/congvu/congvu-data"));
        assert_eq!(seen.tls.key, Path::new("/etc/tls/key.pem"));
        let key = &seen.storage.encryption.key_file;
        assert_eq!(key, Path::new("/srv/congvu/keys/master.key"));
        assert_eq!(seen.storage.backup.folder, Path::new(""), "none stays none");
        assert_eq!(from_file(config.clone(), Path::new("congvu.toml")), config);
    }

    #[test]
    fn what_init_writes_is_read_back_as_the_same_place() {
        let here = std::env::current_dir().unwrap();
        for file in ["congvu.toml", "sub/congvu.toml", "/elsewhere/congvu.toml"] {
            let mut config = Config::default();
            config.storage.encryption.key_file = Path::new(file).with_file_name("m.key");
            let written = for_file(config.clone(), Path::new(file)).unwrap();
            let read = from_file(written.clone(), Path::new(file));
            let place = |path: &Path| here.join(path);
            assert_eq!(
                place(&read.server.data),
                place(&config.server.data),
                "{file}"
            );
            let key = |config: &Config| place(&config.storage.encryption.key_file);
            assert_eq!(key(&read), key(&config), "{file}");
            assert!(written.storage.encryption.key_file.ends_with("m.key"));
        }
    }
}
