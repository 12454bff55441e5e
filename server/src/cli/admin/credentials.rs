//! `congvu admin credentials …`: passwords are read from a file or the input, never from the
//! command line, where every user of the machine could see them.

use super::client::{Ask, Client, random};
use super::connect;
use super::print::{Column, Printer};
use serde_json::{Value, json};
use std::io::BufRead as _;
use std::path::{Path, PathBuf};

/// Characters of a generated password, without those that look alike; about 100 bits.
const GENERATED: usize = 20;
const LETTERS: &[u8] = b"abcdefghjkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";

const COLUMNS: [Column; 6] = [
    ("id", "Số", "Id"),
    ("kind", "Loại", "Kind"),
    ("label", "Nhãn", "Label"),
    ("created_at", "Lập lúc", "Created"),
    ("expires_at", "Hết hạn", "Expires"),
    ("last_used_at", "Dùng gần nhất", "Last used"),
];
pub(super) const SECRET: Column = ("secret", "Bí mật", "Secret");

#[derive(Debug, clap::Subcommand)]
pub(super) enum Verb {
    /// Liệt kê mật khẩu và mã của tài khoản / List the credentials of an account
    List {
        /// Id or address.
        account: String,
    },
    /// Xem một mật khẩu hoặc mã, không có bí mật / Show one credential, without its secret
    Show {
        /// Id or address.
        account: String,
        /// Number of the credential.
        id: u64,
    },
    /// Đặt mật khẩu, đọc từ dòng đầu của đầu vào / Set the password of an account; read from the first line of the input
    Password {
        /// Id or address.
        account: String,
        /// Read it from this file instead.
        #[arg(long, value_name = "FILE", conflicts_with = "generate")]
        file: Option<PathBuf>,
        /// Make one and print it.
        #[arg(long)]
        generate: bool,
    },
    /// Lập mật khẩu ứng dụng, in ra một lần / Make an app password; it is printed once
    Create {
        /// Id or address.
        account: String,
        /// E.g. "Điện thoại của tôi".
        #[arg(long)]
        label: String,
        /// RFC 3339, e.g. 2027-12-31T00:00:00Z.
        #[arg(long, value_name = "TIME")]
        expires_at: Option<String>,
    },
    /// Thu hồi mật khẩu hoặc mã / Withdraw a credential
    Delete {
        /// Id or address.
        account: String,
        /// Number of the credential.
        id: u64,
    },
}

fn generated() -> anyhow::Result<String> {
    let mut password = String::with_capacity(GENERATED);
    let fair = 256 - 256 % LETTERS.len();
    while password.len() < GENERATED {
        let mut bytes = [0; GENERATED];
        random(&mut bytes)?;
        let fits = bytes
            .iter()
            .map(|byte| usize::from(*byte))
            .filter(|byte| *byte < fair);
        let letters = fits.map(|byte| LETTERS[byte % LETTERS.len()] as char);
        password.extend(letters.take(GENERATED - password.len()));
        // The policy asks for three classes; a draw without a digit is drawn anew.
        if password.len() == GENERATED && !is_mixed(&password) {
            password.clear();
        }
    }
    Ok(password)
}

fn is_mixed(password: &str) -> bool {
    let has = |class: fn(&char) -> bool| password.chars().any(|c| class(&c));
    has(char::is_ascii_digit) && has(char::is_ascii_lowercase) && has(char::is_ascii_uppercase)
}

fn password_of(file: Option<&Path>) -> anyhow::Result<String> {
    let text = match file {
        Some(file) => connect::read(file)?,
        None => {
            let mut line = String::new();
            std::io::stdin().lock().read_line(&mut line)?;
            line
        }
    };
    let password = text.lines().next().unwrap_or_default().to_owned();
    anyhow::ensure!(
        !password.is_empty(),
        "no password was given (first line of the input)"
    );
    Ok(password)
}

/// A row with the secret that goes with it, to be shown this once.
pub(super) fn with_secret(columns: &[Column]) -> Vec<Column> {
    columns.iter().copied().chain([SECRET]).collect()
}

pub(super) fn run(verb: Verb, client: &Client, printer: &mut Printer<'_>) -> anyhow::Result<()> {
    match verb {
        Verb::List { account } => {
            let page = client.read(&format!(
                "accounts/{}/credentials",
                client.account(&account)?
            ))?;
            let rows = page
                .get("items")
                .and_then(Value::as_array)
                .cloned()
                .unwrap_or_default();
            printer.rows(&COLUMNS, &rows)
        }
        Verb::Show { account, id } => {
            let account = client.account(&account)?;
            let path = format!("accounts/{account}/credentials/{id}");
            printer.row(&COLUMNS, &client.read(&path)?)
        }
        Verb::Password {
            account,
            file,
            generate,
        } => {
            let made = if generate { Some(generated()?) } else { None };
            let password = match &made {
                Some(made) => made.clone(),
                None => password_of(file.as_deref())?,
            };
            let path = format!(
                "accounts/{}/credentials/password",
                client.account(&account)?
            );
            let ask = Ask::new("PUT", &path).body(json!({"password": password}));
            let mut row = client.call(ask)?;
            match made {
                Some(made) => {
                    row["secret"] = made.into();
                    printer.row(&with_secret(&COLUMNS), &row)
                }
                None => printer.row(&COLUMNS, &row),
            }
        }
        Verb::Create {
            account,
            label,
            expires_at,
        } => {
            let path = format!("accounts/{}/credentials", client.account(&account)?);
            let body = json!({"kind": "app_password", "label": label, "expires_at": expires_at});
            printer.row(&with_secret(&COLUMNS), &client.create(&path, body)?)
        }
        Verb::Delete { account, id } => {
            let path = format!("accounts/{}/credentials/{id}", client.account(&account)?);
            client.call(Ask::new("DELETE", &path))?;
            printer.say("Đã thu hồi.", "It is withdrawn.")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_passwords_meet_the_policy_and_differ() {
        let some: Vec<String> = (0..50).map(|_| generated().unwrap()).collect();
        for password in &some {
            assert_eq!(password.len(), GENERATED);
            assert!(is_mixed(password), "{password}");
            assert_eq!(some.iter().filter(|p| *p == password).count(), 1);
        }
    }
}
