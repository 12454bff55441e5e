//! The sign-in page as HTML.

use crate::second_page::Ask;
use crate::style;
use crate::words::{Language, Trouble, Unfit};
use maud::{DOCTYPE, Markup, PreEscaped, html};

/// What one showing of the page depends on.
#[derive(Debug)]
pub(crate) struct Page<'a> {
    pub(crate) language: Language,
    pub(crate) trouble: Option<Trouble>,
    /// In the example of an address.
    pub(crate) domain: &'a str,
    /// As typed before.
    pub(crate) address: &'a str,
    pub(crate) next: &'a str,
    pub(crate) token: &'a str,
    pub(crate) asks: Asks<'a>,
}

/// What the page asks for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Asks<'a> {
    SignIn,
    /// A password of one's own.
    Choose(Choose<'a>),
    /// A code, or what a second factor needs.
    Second(Ask<'a>),
}

/// A password of one's own is to be chosen.
#[derive(Clone, Copy)]
pub(crate) struct Choose<'a> {
    /// The first password, typed just before.
    pub(crate) first: &'a str,
    /// What was wrong with the choice.
    pub(crate) wrong: Option<Unfit>,
}

impl std::fmt::Debug for Choose<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Choose(***, {:?})", self.wrong)
    }
}

/// The product's sign: a cube of three faces.
const SIGN: &str = r##"<svg class="sign" viewBox="0 0 32 32" aria-hidden="true"><rect width="32" height="32" rx="8"/><path d="M6 11.5 16 6l10 5.5v10L16 27 6 21.5zm0 0 10 6 10-6"/></svg>"##;
/// The same as the window's icon; `data:` is what the page's policy allows.
const ICON: &str = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'%3E%3Crect width='32' height='32' rx='8' fill='%230b5a8a'/%3E%3Cpath d='M6 11.5 16 6l10 5.5v10L16 27 6 21.5zm0 0 10 6 10-6' fill='none' stroke='%23fff' stroke-width='2.2' stroke-linejoin='round'/%3E%3C/svg%3E";
const WARNING: &str = r##"<svg class="icon" viewBox="0 0 24 24" aria-hidden="true"><path d="M12 16h.01M12 8v4"/><circle cx="12" cy="12" r="10"/></svg>"##;
const SHIELD: &str = r##"<svg class="icon" viewBox="0 0 24 24" aria-hidden="true"><path d="M20 13c0 5-3.5 7.5-7.66 8.95a1 1 0 0 1-.67-.01C7.5 20.5 4 18 4 13V6a1 1 0 0 1 1-1c2 0 4.5-1.2 6.24-2.72a1.17 1.17 0 0 1 1.52 0C14.51 3.81 17 5 19 5a1 1 0 0 1 1 1z"/><path d="m9 12 2 2 4-4"/></svg>"##;

impl Page<'_> {
    pub(crate) fn render(&self) -> Markup {
        let words = self.language.words();
        let title = match self.asks {
            Asks::SignIn => words.sign_in,
            Asks::Choose(_) => words.choose,
            Asks::Second(ask) => ask.title(self.language),
        };
        let wrong = match self.asks {
            Asks::SignIn => None,
            Asks::Choose(choose) => choose.wrong.map(|wrong| words.unfit(wrong)),
            Asks::Second(ask) => ask.wrong(self.language),
        };
        html! {
            (DOCTYPE)
            html lang=(self.language.code()) {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    meta name="robots" content="noindex";
                    title { (title) " – " (words.product) }
                    link rel="icon" href=(ICON);
                    link rel="stylesheet" href=(style::address());
                }
                body {
                    main {
                        header {
                            (PreEscaped(SIGN))
                            div { b lang="vi" { (words.product) } span { (words.tagline) } }
                        }
                        section.card aria-labelledby="title" {
                            h1 #title { (title) }
                            // The region is there from the start, so that readers announce what comes into it.
                            div.alert role="alert" {
                                @if let Some(trouble) = self.trouble {
                                    p #trouble { (PreEscaped(WARNING)) span { (words.trouble(trouble)) } }
                                }
                                @if let Some(wrong) = wrong {
                                    p #trouble { (PreEscaped(WARNING)) span { (wrong) } }
                                }
                            }
                            @match self.asks {
                                Asks::SignIn => (self.form()),
                                Asks::Choose(choose) => (self.chooser(choose)),
                                Asks::Second(ask) => (self.second(ask)),
                            }
                        }
                        p.care { (PreEscaped(SHIELD)) span { (words.care) } }
                        (self.languages())
                    }
                }
            }
        }
    }

    fn form(&self) -> Markup {
        let words = self.language.words();
        let wrong = matches!(self.trouble, Some(Trouble::Wrong | Trouble::Empty));
        let named = !self.address.is_empty();
        html! {
            form method="post" action="/login" {
                input type="hidden" name="csrf" value=(self.token);
                input type="hidden" name="next" value=(self.next);
                div.field {
                    label for="address" { (words.address) }
                    // Not `type=email`: a bare local part and Vietnamese letters are right too.
                    input #address name="address" type="text" inputmode="email" autocomplete="username"
                        autocapitalize="none" spellcheck="false" required maxlength="320"
                        aria-describedby="address-hint" aria-invalid=[wrong.then_some("true")]
                        value=(self.address) autofocus[!named];
                    small #address-hint { (words.address_hint) (self.domain) }
                }
                div.field {
                    label for="password" { (words.password) }
                    input #password name="password" type="password" autocomplete="current-password"
                        required maxlength="1024" aria-invalid=[wrong.then_some("true")]
                        autofocus[named];
                }
                button type="submit" { (words.sign_in) }
                details {
                    summary { (words.forgotten) }
                    p { (words.forgotten_answer) }
                }
            }
        }
    }

    /// The first password goes along, so that nothing of it need be kept here.
    fn chooser(&self, choose: Choose<'_>) -> Markup {
        let words = self.language.words();
        let wrong = choose.wrong.map(|_| "true");
        html! {
            p { (words.choose_why) }
            form method="post" action="/login/first" {
                input type="hidden" name="csrf" value=(self.token);
                input type="hidden" name="next" value=(self.next);
                input type="hidden" name="first" value=(choose.first);
                div.field {
                    label for="address" { (words.address) }
                    input #address name="address" type="text" autocomplete="username" readonly
                        value=(self.address);
                }
                div.field {
                    label for="password" { (words.new_password) }
                    input #password name="password" type="password" autocomplete="new-password"
                        required maxlength="1024" aria-describedby="password-hint" aria-invalid=[wrong]
                        autofocus;
                    small #password-hint { (words.new_password_hint) }
                }
                div.field {
                    label for="repeated" { (words.repeated) }
                    input #repeated name="repeated" type="password" autocomplete="new-password"
                        required maxlength="1024" aria-invalid=[wrong];
                }
                button type="submit" { (words.choose_do) }
            }
        }
    }

    /// Where the page itself is read from. What stands half done begins anew in the other language.
    fn address_of(&self) -> &'static str {
        match self.asks {
            Asks::Second(Ask::Manage { .. } | Ask::Spare { .. }) => "/login/second",
            _ => "/login",
        }
    }

    /// Links, so that the choice works without scripts; where the sign-in leads is kept.
    fn languages(&self) -> Markup {
        let choices = [
            (Language::Vietnamese, "Tiếng Việt"),
            (Language::English, "English"),
        ];
        html! {
            nav aria-label=(self.language.words().language) {
                @for (language, name) in choices {
                    a href=(format!("{}?lang={}&next={}", self.address_of(), language.code(), escaped(self.next)))
                        lang=(language.code()) hreflang=(language.code())
                        aria-current=[(language == self.language).then_some("true")] { (name) }
                }
            }
        }
    }
}

/// Percent-encoded for a query's value.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~' | b'/') {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}
